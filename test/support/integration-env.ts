// Real servers on a slow machine: a bound on a hang, not a measure of speed.
jest.setTimeout(90_000);

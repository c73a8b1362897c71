// Runs in each test file before its tests: what every kind of test shares.

// Bounds a hang on a slow machine. It does not measure speed.
jest.setTimeout(30_000);

// Real servers on a slow machine: a bound on a hang, not a measure of speed.
jest.setTimeout(90_000);

// A worker in the test's process runs its workflows there too, in the same V8 sandbox, instead of starting a thread
// for each worker, which loads the whole SDK anew. Workers that are started as commands have theirs.
process.env['TEMPORAL_DEBUG'] = '1';

// Bounds a hang on a slow machine, where the longest tests take minutes. It does not measure speed.
jest.setTimeout(300_000);

// A worker in the test's process runs its workflows in that process too. Otherwise each worker would start a thread,
// which loads the whole SDK again. Workers that are started as commands have their own thread.
process.env['TEMPORAL_DEBUG'] = '1';

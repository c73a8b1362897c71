// For tests that run workflows in their own process. For the stack traces of running workflows, which no test reads, the
// SDK evaluates code for each promise that is made or settled: without a thread, for those of the whole process. Each
// test file would add one more such hook to its process, for all files after it.
jest.mock('node:v8', () => ({
  ...jest.requireActual<object>('node:v8'),
  promiseHooks: { createHook: () => () => undefined },
}));

/** The worker, for programs that run it themselves; the command is `vsync worker`. */
export { createWorkers, type VsyncWorker, type WorkerOptions } from './worker/create-workers';
export { installRuntime } from './worker/runtime';

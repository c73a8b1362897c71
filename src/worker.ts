/** The worker, for those who run it from a program of their own; the command is `vsync worker`. */
export { createWorkers, type VsyncWorker, type WorkerOptions } from './worker/create-workers';
export { installRuntime } from './worker/runtime';

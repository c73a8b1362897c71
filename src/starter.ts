/** What `vsync` does with schedules and watches, for those who do it from a program of their own. */
export { setPaused, signalOriginChanged, start, stop, trigger } from './temporal/operations';

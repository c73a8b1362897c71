/** The operations of `vsync` on schedules and watches, for programs that call them. */
export { setPaused, signalOriginChanged, start, stop, trigger } from './temporal/operations';

export { destinationCycle } from './destination-cycle';
export { originCycle } from './origin-cycle';
export { watchOrigin } from './watch-origin';

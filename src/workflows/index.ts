export { destinationCycle } from './destination-cycle';
export { originCycle } from './origin-cycle';
export { verifyDestination } from './verify-destination';
export { watchOrigin } from './watch-origin';

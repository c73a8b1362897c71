export { destinationCycle } from './destination-cycle';
export { originCycle } from './origin-cycle';
export { pushChanges } from './push-changes';
export { verifyDestination } from './verify-destination';
export { watchOrigin } from './watch-origin';

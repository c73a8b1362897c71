/**
 * An address where nothing listens. The system gives port 1 to no program that asks for a free one, as the tests of other
 * processes do all the time.
 */
export const NOWHERE = '127.0.0.1:1';

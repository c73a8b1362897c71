/** Sets of paths that a person approves, for example deletes. The sha256 of the paths names the set. */

/** Hex digits that name a set. Fewer would approve a set that the person did not look at: one digit fits one set in 16. */
const DIGITS = 12;

const NAME = new RegExp(`^[0-9a-f]{${DIGITS},64}$`, 'i');

/** What a name of a set looks like, for messages. */
export const SET_NAME = `at least ${DIGITS} hex digits, as "vsync plan" and "vsync status" show them`;

/** The shortest name of the set with this hash. */
export const shortSet = (hash: string): string => hash.slice(0, DIGITS);

export const isSetName = (text: string): boolean => NAME.test(text);

/** Whether a name is that of the set with this hash. */
export const isNamed = (hash: string, name: string): boolean =>
  isSetName(name) && hash.startsWith(name.toLowerCase());

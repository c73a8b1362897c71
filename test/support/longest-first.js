'use strict';

const Sequencer = require('@jest/test-sequencer').default;

/** By the folder of a test: what takes longest begins first, so that no process has it left alone at the end. */
const ORDER = ['/test/chaos/', '/test/integration/'];

module.exports = class LongestFirst extends Sequencer {
  /** Inside of each kind as jest does it: by the time of the last run, else by the size of the file. */
  sort(tests) {
    const sorted = super.sort(tests);
    const rank = ({ path }) => {
      const place = ORDER.findIndex((folder) => path.includes(folder));
      return place === -1 ? ORDER.length : place;
    };
    return [...sorted].sort((a, b) => rank(a) - rank(b));
  }
};

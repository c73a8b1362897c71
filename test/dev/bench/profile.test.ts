import { selfTimes } from '../../../dev/bench/profile';

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });

test('selfTimes shows where a thread was busy, the longest first', () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)') },
      { id: 2, callFrame: frame('(idle)') },
      { id: 3, callFrame: frame('parse', 'file:///home/x/vsync/dist/vault/client.js', 9) },
      { id: 4, callFrame: frame('', '/home/x/vsync/node_modules/undici/lib/pool.js', 0) },
      { id: 5, callFrame: frame('parse', 'file:///home/x/vsync/dist/vault/client.js', 9) },
    ],
    samples: [1, 3, 2, 4, 5, 1],
    timeDeltas: [0, 0, 2_000, 50_000, 1_000, 4_000],
  };
  expect(selfTimes(profile, 2)).toEqual([
    '       6 ms  85.7 %  parse dist/vault/client.js:10',
    '       1 ms  14.3 %  (anonymous) node_modules/undici/lib/pool.js:1',
  ]);
});

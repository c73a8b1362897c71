import { firstLines, formatFailure, pasted } from '../../src/cli/text';

describe('firstLines', () => {
  const lines = (count: number): string[] => Array.from({ length: count }, (_, number) => `    ${number}`);

  it.each([0, 1, 20])('shows all of %d lines', (count) => {
    expect(firstLines(lines(count))).toEqual(lines(count));
  });

  it('shows 20 of more lines, how many more there are, and what shows them', () => {
    expect(firstLines(lines(23))).toEqual([...lines(20), '    … and 3 more; --json shows all']);
  });
});

test.each([
  ['secret/data/team/app', 'secret/team/app'],
  ['team/kv/data/a/data/b', 'team/kv/a/data/b'],
  ['secret/closed/', 'secret/closed/'],
])('pasted makes of %s what "vault kv get" takes', (path, shown) => {
  expect(pasted(path)).toBe(shown);
});

test('formatFailure names the end that refused, and both paths as "vault kv" takes them', () => {
  const failure = { path: 's/data/a', class: 'forbidden', at: 'destination', to: 't/data/b' } as const;
  expect(formatFailure(failure)).toBe('forbidden at the destination: s/a -> t/b');
});

test('formatFailure leaves the key of a bucket in Consul as it is', () => {
  expect(formatFailure({ path: 'v/data/origin/3', class: 'torn-bucket' })).toBe(
    'torn-bucket: v/data/origin/3',
  );
});

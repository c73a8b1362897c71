import { firstLines } from '../../src/cli/text';

describe('firstLines', () => {
  const lines = (count: number): string[] => Array.from({ length: count }, (_, number) => `    ${number}`);

  it.each([0, 1, 20])('shows all of %d lines', (count) => {
    expect(firstLines(lines(count))).toEqual(lines(count));
  });

  it('shows 20 of more lines, how many more there are, and what shows them', () => {
    expect(firstLines(lines(23))).toEqual([...lines(20), '    … and 3 more; --json shows all']);
  });
});

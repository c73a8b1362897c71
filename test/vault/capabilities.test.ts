import { reachesInto } from '../../src/vault/token';

test.each<[pattern: string, folder: string, reaches: boolean]>([
  ['secret/data/+/db', 'secret/data/', true],
  ['secret/data/+/db', 'secret/data/team/', true],
  ['secret/data/+/db', 'secret/data/team/db/', true],
  ['secret/data/+/db', 'secret/data/team/web/', false],
  ['secret/data/+/db', 'secret/metadata/', false],
  ['secret/data/+/db', 'secret/data/team/db/more/', false],
  ['+/data/db', 'secret/data/', true],
  ['secret/+/team/*', 'secret/data/', true],
  ['secret/+/team/*', 'secret/data/team/a/b/', true],
  ['secret/+/te*', 'secret/data/team/a/', true],
  ['secret/+/te*', 'secret/data/other/', false],
  ['secret/+', 'secret/data/', true],
  ['+', 'secret/data/', false],
])('reachesInto finds whether %s matches below %s: %j', (pattern, folder, reaches) => {
  expect(reachesInto(pattern, folder)).toBe(reaches);
});

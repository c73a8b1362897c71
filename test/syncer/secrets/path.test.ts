import { readSecretPath } from '../../../src/syncer/secrets/path';
import { UsageError } from '../../../src/errors';

const MOUNTS = ['secret/', 'team/', 'team/kv/'];

describe('readSecretPath', () => {
  test.each([
    ['secret/app', 'secret/', 'app'],
    ['secret/team/app', 'secret/', 'team/app'],
    ['/secret/app', 'secret/', 'app'],
    ['secret/data/app', 'secret/', 'app'],
    ['secret/metadata/team/app', 'secret/', 'team/app'],
    ['secret/data/data/app', 'secret/', 'data/app'],
    ['secret/data', 'secret/', 'data'],
    ['secret/database/app', 'secret/', 'database/app'],
    ['team/kv/app', 'team/kv/', 'app'],
    ['team/kv', 'team/', 'kv'],
    ['secret/a b ', 'secret/', 'a b '],
  ])('reads %s as %s and %s', (text, mount, rel) => {
    expect(readSecretPath(text, MOUNTS)).toEqual({ mount, rel });
  });

  test.each([
    ['', 'is empty'],
    ['/', 'is empty'],
    ['secret/', 'is that of a folder'],
    ['secret/team/', 'is that of a folder'],
    ['secret//app', 'an empty, "." or ".." part'],
    ['secret/../app', 'an empty, "." or ".." part'],
    ['secret', 'below none of the mounts'],
    [
      'secrets/app',
      'below none of the mounts that the destinations copy (origin.mounts: secret/, team/, team/kv/)',
    ],
  ])('refuses %j, because it %s', (text, why) => {
    const read = (): unknown => readSecretPath(text, MOUNTS);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(why);
  });
});

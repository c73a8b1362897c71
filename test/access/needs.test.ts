import { destinationNeeds, folderMetadataGrants, originNeeds, type Need } from '../../src/access/needs';
import { consulRule } from '../../src/cli/check/consul';
import { vaultPolicy } from '../../src/cli/check/vault';
import { loadConfig } from '../../src/config/load';
import { configFile, removeConfigFiles, section } from '../config/fixtures';

afterAll(removeConfigFiles);

/** "read secret/data/*", and "or delete secret/data/*" for what does too. */
const shown = (needs: readonly Need[]): string[] =>
  needs.map(({ capability, policyPath, instead }) => {
    const or = instead === undefined ? '' : ` or ${instead.capability} ${instead.policyPath}`;
    return `${capability} ${policyPath}${or}`;
  });

function origin(overrides: object = {}): Need[] {
  return originNeeds(
    loadConfig('origin', { file: configFile({ origin: section(overrides) }), env: {} }).config,
  );
}

function destination(
  own: object = {},
  { top = {}, from = {} }: { top?: object; from?: object } = {},
): ReturnType<typeof destinationNeeds> {
  const content = { ...top, origin: section(from), destination: section(own) };
  return destinationNeeds(loadConfig('destination', { file: configFile(content), env: {} }).config);
}

test('originNeeds lists and reads the metadata of each mount, and no values', () => {
  expect(shown(origin({ mounts: ['secret/', 'team/'] }))).toEqual([
    'list secret/metadata/*',
    'read secret/metadata/*',
    'list team/metadata/*',
    'read team/metadata/*',
  ]);
});

test('folderMetadataGrants lists the metadata of each published part of a mount', () => {
  const of = (overrides: object): string[] => {
    const file = configFile({ origin: section(overrides) });
    return shown(folderMetadataGrants(loadConfig('origin', { file, env: {} }).config));
  };
  expect(of({ mounts: ['secret/', 'team/'] })).toEqual([
    'list secret/detailed-metadata/*',
    'list team/detailed-metadata/*',
  ]);
  expect(of({ include: ['secret/team/**'] })).toEqual(['list secret/detailed-metadata/team/*']);
});

test('destinationNeeds reads at the origin, writes and deletes at its own Vault', () => {
  const { origin: there, destination: here } = destination();
  expect(shown(there)).toEqual(['read secret/data/*', 'read secret/metadata/*']);
  expect(shown(here)).toEqual([
    'create secret/data/*',
    'read secret/data/*',
    'update secret/data/*',
    'update secret/delete/* or delete secret/data/*',
  ]);
});

test('destinationNeeds has no delete with ignoreDeletes', () => {
  const { destination: here } = destination({}, { top: { ignoreDeletes: true } });
  expect(shown(here)).toEqual(['create secret/data/*', 'read secret/data/*', 'update secret/data/*']);
});

test('destinationNeeds writes metadata with syncMetadata', () => {
  const { config } = loadConfig('destination', {
    file: configFile({ ignoreDeletes: true, syncMetadata: true, origin: section(), destination: section() }),
    env: {},
  });
  const needs = destinationNeeds(config);
  expect(shown(needs.destination).slice(3)).toEqual(['create secret/metadata/*', 'update secret/metadata/*']);
});

test('needs ask about a path below the folder, except for list: policies often treat the folder itself separately', () => {
  expect(origin().map(({ capability, asked }) => `${capability} ${asked}`)).toEqual([
    'list secret/metadata/',
    'read secret/metadata/vsync-check',
  ]);
});

describe('needs with globs', () => {
  test.each<[include: string[], policyPaths: string[]]>([
    [['secret/team/**'], ['list secret/metadata/team/*', 'read secret/metadata/team/*']],
    [['secret/team/'], ['list secret/metadata/team/*', 'read secret/metadata/team/*']],
    [['secret/team/a*'], ['list secret/metadata/team/*', 'read secret/metadata/team/*']],
    [
      ['secret/team/**', 'secret/team/app/*'],
      ['list secret/metadata/team/*', 'read secret/metadata/team/*'],
    ],
    [['secret/*/app'], ['list secret/metadata/*', 'read secret/metadata/*']],
    [['**'], ['list secret/metadata/*', 'read secret/metadata/*']],
    [['secret/team/app'], ['list secret/metadata/team/', 'read secret/metadata/team/app']],
    [['other/**'], []],
  ])('%j only the literal folder is looked at', (include, policyPaths) => {
    expect(shown(origin({ include }))).toEqual(policyPaths);
  });

  test('ignore exclude', () => {
    expect(origin({ exclude: ['secret/team/**'] })).toEqual(origin());
  });

  test("use the destination's globs, else those of the origin", () => {
    const from = { include: ['secret/a/**'] };
    expect(shown(destination({ include: ['secret/a/b/**'] }, { from }).origin)).toContain(
      'read secret/data/a/b/*',
    );
    expect(shown(destination({}, { from }).destination)).toContain('create secret/data/a/*');
  });

  test('use the whole mount with transforms', () => {
    const transforms = [{ name: 't', from: '^secret/data/(?P<rest>.+)$', to: 'secret/data/copy/rest' }];
    const needs = destination({ include: ['secret/a/**'], transforms });
    expect(shown(needs.origin)).toContain('read secret/data/a/*');
    expect(shown(needs.destination)).toContain('create secret/data/*');
  });
});

test('policy has one line per path', () => {
  expect(vaultPolicy(destination().destination)).toBe(
    'path "secret/data/*"   { capabilities = ["create", "read", "update"] }\n' +
      'path "secret/delete/*" { capabilities = ["update"] }',
  );
  expect(vaultPolicy(origin())).toBe('path "secret/metadata/*" { capabilities = ["read", "list"] }');
  // A policy of a namespace above that of the secrets.
  expect(vaultPolicy(origin(), 'team/')).toBe(
    'path "team/secret/metadata/*" { capabilities = ["read", "list"] }',
  );
  expect(consulRule('vsync/origin/', 'read')).toBe('key_prefix "vsync/origin/" { policy = "read" }');
});

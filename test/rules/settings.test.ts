import fc from 'fast-check';
import { SyncInfoError } from '../../src/rules/errors';
import { fingerprintOfSettings, settingsOf, type SettingsMetadata } from '../../src/rules/settings';
import {
  hashSettingsBucket,
  parseSettingsBucket,
  serializeSettingsBucket,
} from '../../src/rules/settings-bucket';
import { path } from './arbitrary';

/** As Vault answers for a secret for which nobody has set anything. */
const UNSET: SettingsMetadata = {
  custom_metadata: null,
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
};

const fingerprint = (metadata: Partial<SettingsMetadata>): string | undefined =>
  fingerprintOfSettings(settingsOf({ ...UNSET, ...metadata }));

describe('the fingerprint of settings', () => {
  it('is none for a secret for which nobody has set anything', () => {
    expect(fingerprint({})).toBeUndefined();
    expect(fingerprint({ custom_metadata: {} })).toBeUndefined();
    expect(fingerprint({ delete_version_after: '0h0m0s' })).toBeUndefined();
  });

  it('is the sha256 of the canonical JSON', () => {
    const metadata = { custom_metadata: { b: '1', a: '2', '10': 'x', '9': 'y' }, max_versions: 3 };
    // printf '{"cas_required":true,"custom_metadata":{"10":"x","9":"y","a":"2","b":"1"},"delete_version_after":"12319s","max_versions":3}' | sha256sum
    expect(fingerprint({ ...metadata, cas_required: true, delete_version_after: '3h25m19s' })).toBe(
      '16c054b624f9d0bfce1afcbb5022d5693867a098595d62fc4350300c31296e6a',
    );
  });

  it.each<[string, Partial<SettingsMetadata>]>([
    ['custom metadata', { custom_metadata: { a: '1' } }],
    ['another value of it', { custom_metadata: { a: '2' } }],
    ['another key of it', { custom_metadata: { b: '1' } }],
    ['a key that objects treat specially', { custom_metadata: JSON.parse('{"__proto__":"1"}') as never }],
    ['max_versions', { max_versions: 1 }],
    ['cas_required', { cas_required: true }],
    ['delete_version_after', { delete_version_after: '1h0m0s' }],
    ['another delete_version_after', { delete_version_after: '1h0m1s' }],
    ['what is no duration', { delete_version_after: '-1s' }],
  ])('tells %s from everything else', (_what, metadata) => {
    const others = [{}, { max_versions: 2 }, { custom_metadata: { a: '1', b: '1' } }].map(fingerprint);
    expect(fingerprint(metadata)).toMatch(/^[0-9a-f]{64}$/);
    expect(others).not.toContain(fingerprint(metadata));
  });

  it('does not depend on the order of keys, nor on how a duration is written', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([key]) => key });
    fc.assert(
      fc.property(entries, (list) => {
        const [one, other] = [list, [...list].reverse()].map((order) =>
          fingerprint({ custom_metadata: Object.fromEntries(order), max_versions: 1 }),
        );
        expect(one).toBe(other);
      }),
    );
    const [first, ...more] = ['1h30m0s', '90m', '5400s', '1.5h'].map((text) =>
      fingerprint({ delete_version_after: text }),
    );
    expect(more).toEqual([first, first, first]);
  });
});

describe('a bucket of fingerprints', () => {
  const PRINT = 'a'.repeat(64);

  it('is a JSON object, sorted by bytes', () => {
    const bucket = new Map(['🔑', '\uFF5A', '9', '10', 'a'].map((key) => [key, PRINT]));
    expect(serializeSettingsBucket(bucket)).toBe(
      `{${['10', '9', 'a', '\uFF5A', '🔑'].map((key) => `"${key}":"${PRINT}"`).join(',')}}`,
    );
    expect(serializeSettingsBucket(new Map())).toBe('{}');
  });

  it('is read back as it was, with a hash that does not depend on the order', () => {
    const prints = fc.constantFrom(PRINT, 'b'.repeat(64));
    fc.assert(
      fc.property(fc.array(fc.tuple(path, prints)), (entries) => {
        const bucket = new Map(entries);
        const read = parseSettingsBucket(serializeSettingsBucket(bucket));
        expect(read).toEqual(bucket);
        expect(hashSettingsBucket(read)).toBe(hashSettingsBucket(new Map([...bucket].reverse())));
      }),
    );
  });

  it.each([
    ['nothing', '', 'it is not JSON'],
    ['an index', '["a"]', 'not an object'],
    ['null', 'null', 'not an object'],
    ['an insight', '{"a":{"version":1}}', 'fingerprint of "a": must be a sha256'],
    ['a short hash', '{"a":"ab"}', 'fingerprint of "a": must be a sha256'],
  ])('refuses %s', (_reason, json, message) => {
    expect(() => parseSettingsBucket(json)).toThrow(SyncInfoError);
    expect(() => parseSettingsBucket(json)).toThrow('not a valid settings bucket of sync info: ');
    expect(() => parseSettingsBucket(json)).toThrow(message);
  });
});

import Ajv from 'ajv';
import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DESTINATIONS, writeConfigs } from '../../dev/demo/configs';
import type { Environment } from '../../dev/demo/environment';
import { consulAddress, temporalAddress, vaultAddress } from '../../src/config/connections';
import { DURATION_PATTERN, DurationError, parseDuration } from '../../src/rules/time';
import { readConfigFile } from '../../src/config/file';
import { configJsonSchema, allKeys } from '../../src/config/keys';
import { configFile, removeConfigFiles, section } from './fixtures';
import { ORIGINAL_SAMPLES, REFUSED_SAMPLE } from './original-samples';

const ROOT = path.join(__dirname, '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'vsync-schema-'));

afterAll(() => {
  removeConfigFiles();
  rmSync(folder, { recursive: true });
});

const validate = new Ajv({ allErrors: true, strictTypes: false }).compile(configJsonSchema());

/** "origin.tick: must match pattern …", for each thing that an editor would mark. */
function marked(content: object): string[] {
  if (validate(content)) return [];
  return (validate.errors ?? []).map(({ instancePath, message = '', params }) => {
    const { additionalProperty, missingProperty } = params as Partial<Record<string, string>>;
    const name = additionalProperty ?? missingProperty;
    const what = name === undefined ? '' : ` (${name})`;
    return `${instancePath.slice(1).replaceAll('/', '.')}: ${message}${what}`;
  });
}

/** The blocks of code in a page, with their language. No editor reads HCL by a JSON Schema. */
function blocksOf(page: string): { language: string; text: string }[] {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(json|yaml)\n([^]*?)^```/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** A sample in the docs may leave out what another one shows: the origin, or the whole of a section. */
function completed(content: Readonly<Record<string, unknown>>): object {
  const { origin = section(), destination, ...rest } = content;
  return { ...rest, origin, ...(destination === undefined ? {} : { destination }) };
}

/** Blocks of configuration, but for those that are cut out of the middle. */
function samplesOf(page: string): [string, object][] {
  return blocksOf(page)
    .filter(({ text }) => /^[{#\w]/.test(text))
    .map(({ language, text }, position): [string, object] => [
      `${page} #${position}`,
      completed(readConfigFile(configFile(text, `sample.${language}`))),
    ]);
}

function demoConfigs(): [string, object][] {
  const vault = { address: 'http://127.0.0.1:8200', token: 't' };
  const environment = {
    temporal: { address: '127.0.0.1:7233' },
    consul: { address: '127.0.0.1:8500' },
    origin: vault,
    destinations: [vault, vault],
  } as unknown as Environment;
  const { origin, destinations } = writeConfigs(folder, environment);
  return [origin, ...destinations].map((file) => [path.basename(file), readConfigFile(file)]);
}

const GOOD: [string, object][] = [
  ...samplesOf('README.md'),
  ...samplesOf('docs/configuration.md'),
  ...demoConfigs(),
  ...Object.entries(ORIGINAL_SAMPLES),
  ['the least of an origin', { origin: section() }],
  ['the least of a destination', { origin: section(), destination: section() }],
  ['a token that the environment gives', { origin: section({ vault: { address: 'https://a' } }) }],
  [
    'all that there is',
    {
      $schema: './vsync.schema.json',
      name: 'a.b_1-x',
      log: { level: 'warn', type: 'json' },
      numBuckets: 'auto',
      ignoreDeletes: true,
      maxDeletes: '5%',
      syncMetadata: true,
      temporal: { address: 't:7233', namespace: 'n', apiKeyFile: 'k', tls: { caFile: 'ca.pem' } },
      origin: section({ include: ['secret/a/**'], exclude: ['secret/a/b'], timeout: '1h0.5s' }),
      destination: section({
        mounts: ['a', 'team/kv/'],
        syncPath: 'x',
        tick: '1m30s',
        renewToken: false,
        deleteExcluded: true,
      }),
    },
  ],
];

describe('configJsonSchema accepts', () => {
  it.each(GOOD)('%s', (_name, content) => {
    expect(marked(content)).toEqual([]);
  });

  it('the samples of both pages, and of the demo', () => {
    const count = (beginning: string): number => GOOD.filter(([name]) => name.startsWith(beginning)).length;
    expect(count('README.md')).toBe(1);
    expect(count('docs/configuration.md')).toBe(4);
    expect(GOOD.filter(([name]) => /^(origin|dest-\d)\.json$/.test(name))).toHaveLength(
      DESTINATIONS.length + 2,
    );
  });
});

describe('configJsonSchema refuses', () => {
  const both = { origin: section(), destination: section() };
  const none = { mounts: undefined };
  it.each<[string, object, string[]]>([
    ['no origin', { name: 'x' }, [": must have required property 'origin' (origin)"]],
    ['an unknown key', { ...both, nmae: 'x' }, [': must NOT have additional properties (nmae)']],
    [
      'an unknown key in a section',
      { origin: section({ vault: { address: 'http://a', tokne: 't' } }) },
      ['origin.vault: must NOT have additional properties (tokne)'],
    ],
    ['a wrong type', { ...both, ignoreDeletes: 'no' }, ['ignoreDeletes: must be boolean']],
    [
      'a number out of bounds',
      { ...both, numBuckets: 7001 },
      [
        'numBuckets: must be <= 7000',
        'numBuckets: must be string',
        'numBuckets: must be equal to constant',
        'numBuckets: must match a schema in anyOf',
      ],
    ],
    [
      'a share that is none',
      { ...both, maxDeletes: '110%' },
      [
        'maxDeletes: must be integer',
        'maxDeletes: must match pattern "^(100|\\d{1,2}) ?%$"',
        'maxDeletes: must match a schema in anyOf',
      ],
    ],
    [
      'a missing mount',
      { ...both, destination: section(none) },
      ["destination: must have required property 'mounts' (mounts)"],
    ],
    ['no mount', { origin: section({ mounts: [] }) }, ['origin.mounts: must NOT have fewer than 1 items']],
    [
      'a missing address',
      { origin: section({ vault: {}, consul: {} }) },
      [
        "origin.vault: must have required property 'address' (address)",
        "origin.consul: must have required property 'address' (address)",
      ],
    ],
    [
      'a word that is none',
      { ...both, log: { level: 'loud' } },
      ['log.level: must be equal to one of the allowed values'],
    ],
    [
      'a transform without its target',
      { ...both, destination: section({ transforms: [{ name: 'a', from: 'b' }] }) },
      ["destination.transforms.0: must have required property 'to' (to)"],
    ],
    ['a key of an old version', REFUSED_SAMPLE, ['origin: must NOT have additional properties (dc)']],
    [
      '$schema elsewhere',
      { origin: section({ $schema: 'x' }) },
      ['origin: must NOT have additional properties ($schema)'],
    ],
  ])('%s', (_reason, content, expected) => {
    expect(marked(JSON.parse(JSON.stringify(content)) as object)).toEqual(expected);
  });

  it.each([
    ['temporal.address', { ...both, temporal: { address: 'http://t:7233' } }],
    ['origin.tick', { origin: section({ tick: '10' }) }],
    ['origin.syncPath', { origin: section({ syncPath: '/vsync' }) }],
    ['origin.mounts.0', { origin: section({ mounts: ['/secret/'] }) }],
    ['origin.include.0', { origin: section({ include: ['/secret/**'] }) }],
    ['origin.vault.address', { origin: section({ vault: { address: 'vault:8200' } }) }],
    ['origin.consul.address', { origin: section({ consul: { address: 'consul:8500/v1' } }) }],
  ])('a malformed %s', (key, content) => {
    expect(marked(content)).toEqual([expect.stringMatching(`^${key}: must match pattern`)]);
  });
});

describe('configJsonSchema', () => {
  type Node = Readonly<Record<string, unknown>>;

  /** The node of a key, through lists and alternatives. */
  function nodeOf(keyPath: string): Node {
    return keyPath.split('.').reduce<Node>((node, name) => {
      const options = (node['anyOf'] ?? [node['items'] ?? node]) as Node[];
      const section = options.find((option) => 'properties' in option);
      return ((section?.['properties'] ?? {}) as Record<string, Node | undefined>)[name] ?? {};
    }, configJsonSchema());
  }

  it('contains every key, with description and default, and marks the secret ones', () => {
    for (const key of allKeys()) {
      expect(nodeOf(key.path)).toMatchObject({ description: key.description });
      expect(nodeOf(key.path)['writeOnly']).toBe(key.secret ? true : undefined);
      if (key.kind !== 'section' && key.path !== 'name')
        expect(nodeOf(key.path)['default']).toEqual(key.defaultValue);
    }
  });

  it('contains no default that differs by role', () => {
    expect(nodeOf('name')).not.toHaveProperty('default');
  });
});

describe('configJsonSchema has a pattern that agrees with the check', () => {
  it('of a duration', () => {
    const pieces = [
      '0',
      '1',
      '10',
      '.',
      'ns',
      'us',
      '\u00B5s',
      '\u03BCs',
      'ms',
      's',
      'm',
      'h',
      'd',
      '-',
      ' ',
    ];
    const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        expect(new RegExp(DURATION_PATTERN).test(text)).toBe(isDuration(text));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['origin.vault.address', vaultAddress],
    ['origin.consul.address', consulAddress],
    ['temporal.address', temporalAddress],
  ] as const)('of %s', (key, check) => {
    const pieces = ['http', 'https', '://', 'a.b', ':', '8200', '/', 'x', '?', '#', '@', ' '];
    const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        // A host that is no host, or a port that is no number, is beyond a pattern: it may take too much.
        if ('value' in check(text) && text.trim() === text) {
          expect({ text, marked: marked(withAddress(key, text)) }).toEqual({ text, marked: [] });
        }
      }),
      { numRuns: 1000 },
    );
  });

  function isDuration(text: string): boolean {
    try {
      return parseDuration(text) >= 0;
    } catch (error) {
      expect(error).toBeInstanceOf(DurationError);
      // Beyond a pattern.
      return String(error).includes('is too long');
    }
  }

  function withAddress(key: string, address: string): object {
    if (key === 'temporal.address') return { temporal: { address }, origin: section() };
    return {
      origin: section(key === 'origin.vault.address' ? { vault: { address } } : { consul: { address } }),
    };
  }
});

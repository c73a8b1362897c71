import { loadConfig } from '../../src/config/load';
import { configFile, removeConfigFiles, SECRET } from './fixtures';

afterAll(removeConfigFiles);

/** Of a destination's file. What it must have comes from the environment. */
function warningsOf(text: string, name = 'c.yaml', env: NodeJS.ProcessEnv = {}): string[] {
  const file = configFile(text, name);
  const given: NodeJS.ProcessEnv = Object.fromEntries(
    ['ORIGIN', 'DESTINATION'].flatMap((side) => [
      [`VSYNC_${side}_VAULT_ADDRESS`, 'http://a'],
      [`VSYNC_${side}_VAULT_TOKEN`, 't'],
      [`VSYNC_${side}_CONSUL_ADDRESS`, 'c:1'],
      [`VSYNC_${side}_MOUNTS`, 'a/'],
    ]),
  );
  const { warnings } = loadConfig('destination', { file, env: { ...given, ...env } });
  return warnings.map((warning) => warning.replace(/file \S*\//g, 'file '));
}

const QUOTES = 'put it in quotes to keep what is written';
const DECIMAL = 'write it as a decimal number, without "_" or "0" in front';

describe('loadConfig', () => {
  it('warns of a "<<" after keys of its section, with the replaced keys and without values', () => {
    const text =
      `origin: &o\n  vault: {address: "http://o", token: ${SECRET}o}\n  syncPath: o/\n` +
      `destination:\n  vault: {address: "http://d", token: ${SECRET}d}\n  syncPath: d/\n  <<: *o\n`;
    const warnings = warningsOf(text);
    expect(warnings).toEqual([
      'file c.yaml: line 7: "<<" replaces keys that are written before it: vault, syncPath; to keep them, write them after it',
    ]);
    expect(warnings.join()).not.toContain('CAES');
  });

  it('does not warn of a "<<" before the keys', () => {
    expect(warningsOf('origin: &o\n  syncPath: o/\ndestination:\n  <<: *o\n  syncPath: d/\n')).toEqual([]);
  });

  it('warns of a "<<" once if its section has several aliases', () => {
    const text =
      'origin:\n  consul: &c\n    dc: a\n    <<: {dc: b}\n  vault: {namespace: x}\ndestination:\n  consul: *c\n';
    expect(warningsOf(text)).toEqual([
      'file c.yaml: line 4: "<<" replaces keys that are written before it: dc; to keep them, write them after it',
    ]);
  });
});

describe('loadConfig', () => {
  it.each([
    ['name: no', ['name (F, line 1) is read as a boolean, and so as the text "false"']],
    ['\nname: 2024_01', ['name (F, line 2) is read as a number, and so as the text "202401"']],
    ['name: 1.10', ['name (F, line 1) is read as a number, and so as the text "1.1"']],
    [
      'origin:\n  consul: &c\n    dc: on\ndestination:\n  consul:\n    <<: *c\n',
      [
        'origin.consul.dc (F, line 3) is read as a boolean, and so as the text "true"',
        'destination.consul.dc (F, line 3) is read as a boolean, and so as the text "true"',
      ],
    ],
    [
      'origin.consul.dc: &a 017\nname: *a',
      [
        'origin.consul.dc (F, line 1) is read as a number, and so as the text "15"',
        'name (F, line 1) is read as a number, and so as the text "15"',
      ],
    ],
    [
      'origin.exclude:\n  - a\n  - 0x10',
      ['origin.exclude[1] (F, line 3) is read as a number, and so as the text "16"'],
    ],
    ['origin.exclude: 1_0', ['origin.exclude (F, line 1) is read as a number, and so as the text "10"']],
    [
      'destination.transforms:\n  - name: off\n    from: (?P<a>.*)\n    to: a\n',
      ['destination.transforms[0].name (F, line 2) is read as a boolean, and so as the text "false"'],
    ],
  ])('warns of a value without quotes that is not read as text: %j', (text, expected) => {
    expect(warningsOf(text)).toEqual(
      expected.map((warning) => `${warning.replace('(F', '(file c.yaml')}; ${QUOTES}`),
    );
  });

  it('warns of such a value without showing a secret', () => {
    const text = 'origin.consul.token: 123_456\ndestination.consul.token: yes\n';
    const warnings = warningsOf(text);
    expect(warnings).toEqual([
      `origin.consul.token (file c.yaml, line 1) is read as a number, and so as other text than what is written; ${QUOTES}`,
      `destination.consul.token (file c.yaml, line 2) is read as a boolean, and so as other text than what is written; ${QUOTES}`,
    ]);
    expect(warnings.join()).not.toMatch(/123|yes|true/);
  });

  it.each([
    'name: "no"',
    'name: 202401',
    'name: true',
    'name: 1:30',
    'name: 2001-01-01',
    'name: !!int 0x10',
    'name: ~',
    'ignoreDeletes: yes',
  ])('does not warn if the text stays the same, or has a tag: %s', (text) => {
    expect(warningsOf(text)).toEqual([]);
  });

  it.each([
    ['c.yaml', 'numBuckets: 016', 'numBuckets (file c.yaml, line 1) is read as 14'],
    ['c.yaml', 'numBuckets: "016"', 'numBuckets (file c.yaml) is read as 14'],
    ['c.yaml', 'maxDeletes: 0x10', 'maxDeletes (file c.yaml, line 1) is read as 16'],
    ['c.yaml', 'requestsPerSecond: 0b11', 'requestsPerSecond (file c.yaml, line 1) is read as 3'],
    ['c.yaml', 'origin:\n  numWorkers: 1_0', 'origin.numWorkers (file c.yaml, line 2) is read as 10'],
    ['c.json', '{"numBuckets": "1_0"}', 'numBuckets (file c.json) is read as 10'],
    ['c.hcl', 'name = "x"\nnumBuckets = 016', 'numBuckets (file c.hcl, line 2) is read as 14'],
  ])('warns of a number that is not decimal: %s %j', (name, text, warning) => {
    expect(warningsOf(text, name)).toEqual([`${warning}; ${DECIMAL}`]);
  });

  it('warns of such a number in a variable', () => {
    expect(warningsOf('name: x', 'c.yaml', { VSYNC_NUMBUCKETS: '016' })).toEqual([
      `numBuckets (environment VSYNC_NUMBUCKETS) is read as 14; ${DECIMAL}`,
    ]);
  });

  it.each(['numBuckets: 08', 'numBuckets: 16', 'numBuckets: "16"', 'maxDeletes: "10%"', 'numBuckets: auto'])(
    'does not warn of a decimal number: %s',
    (text) => {
      expect(warningsOf(text)).toEqual([]);
    },
  );

  it.each([
    [
      'origin.consul.dc = 017',
      'origin.consul.dc (file c.hcl, line 1) is read as a number, and so as the text "15"',
    ],
    [
      'origin.exclude = ["a",\n 0x10]',
      'origin.exclude[1] (file c.hcl, line 2) is read as a number, and so as the text "16"',
    ],
    [
      'origin {\n consul {\n dc = 1.0 } }',
      'origin.consul.dc (file c.hcl, line 3) is read as a number, and so as the text "1"',
    ],
  ])('warns of such a value in HCL: %j', (text, warning) => {
    expect(warningsOf(text, 'c.hcl')).toEqual([`${warning}; ${QUOTES}`]);
  });
});

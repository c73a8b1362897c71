import { setFromEnvironment, setFromFile, setFromFlags } from '../../src/config/layers';
import { type Key, valueKeys } from '../../src/config/keys';
import { GivenValues } from '../../src/config/given-values';

/** The layers, for each key. The schema does not check the values here. */

const VALUE_KEYS = valueKeys().filter(({ kind }) => kind !== 'rules');

/** A value for each kind: as text, and as it is read. */
const SAMPLES: Readonly<Record<Exclude<Key['kind'], 'section' | 'rules'>, [text: string, value: unknown]>> = {
  text: ['x', 'x'],
  duration: ['2m', '2m'],
  number: ['17', 17],
  boolean: ['true', true],
  list: ['a/, b/', ['a/', 'b/']],
};

interface Layers {
  file?: string;
  env?: string;
  flag?: string;
}

/** The value and its source after these layers gave the key a value as text. */
function layered(
  key: Key,
  { file, env, flag }: Layers,
  expectedWarnings: string[] = [],
): { value: unknown; source: string | undefined } {
  const values = new GivenValues();
  const { problems, warnings } = values;
  if (file !== undefined) {
    const content = key.path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), file);
    setFromFile(content as Record<string, unknown>, values, { source: 'file x.json', warnings });
  }
  if (env !== undefined) setFromEnvironment({ [variableOf(key)]: env }, values);
  if (flag !== undefined) setFromFlags({ [key.path]: flag }, values);
  expect({ problems, warnings }).toEqual({ problems: [], warnings: expectedWarnings });
  const given = values.get(key.path);
  return { value: given?.value, source: given?.source };
}

function variableOf({ path }: Key): string {
  return `VSYNC_${path.toUpperCase().replaceAll('.', '_')}`;
}

describe.each(VALUE_KEYS.map((key) => [key.path, key] as const))('loadConfig, for %s,', (path, key) => {
  const [text, value] = SAMPLES[key.kind as keyof typeof SAMPLES];
  const source = { file: 'file x.json', env: `environment ${variableOf(key)}`, flag: `flag --${path}` };

  it('reads the file, the environment and a flag, and names the source', () => {
    for (const layer of ['file', 'env', 'flag'] as const) {
      expect(layered(key, { [layer]: text })).toEqual({ value, source: source[layer] });
    }
  });

  it('takes the value of the strongest layer', () => {
    expect(layered(key, { file: '1', env: text })).toEqual({ value, source: source.env });
    expect(layered(key, { file: '1', env: '1', flag: text })).toEqual({ value, source: source.flag });
    expect(layered(key, { file: '1', flag: text })).toEqual({ value, source: source.flag });
  });

  it('ignores an empty value of the environment or the file, and takes that of a weaker layer', () => {
    expect(layered(key, { file: text, env: '' })).toEqual({ value, source: source.file });
    expect(layered(key, { file: '' })).toEqual({ value: undefined, source: undefined });
  });

  it('empties the key by an empty flag, with a warning', () => {
    const warning = `flag --${path} is empty: ${path} (${source.env}) is not used`;
    expect(layered(key, { file: text, env: text, flag: '' }, [warning])).toEqual({
      value: undefined,
      source: undefined,
    });
  });
});

it('valueKeys have a variable each', () => {
  const variables = VALUE_KEYS.map(variableOf);
  expect(new Set(variables).size).toBe(variables.length);
  expect(variables.length).toBeGreaterThan(40);
});

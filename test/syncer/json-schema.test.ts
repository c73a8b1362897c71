import Ajv from 'ajv';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { SYNCER_KEYS } from '../../src/syncer/config';
import { syncerJsonSchema } from '../../src/syncer/json-schema';

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
}

const schema = syncerJsonSchema();
const validate = new Ajv({ allErrors: true, strictTypes: false }).compile(schema);

/** What an editor would mark. */
function marked(content: unknown): string[] {
  return validate(content) ? [] : (validate.errors ?? []).map(({ instancePath }) => instancePath);
}

const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'syncer.md'), 'utf8');
const samples = [...page.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text = '']) => text);

describe('the JSON Schema of the file of Syncer', () => {
  it('has every key, with its meaning', () => {
    const without = SYNCER_KEYS.filter((key) => {
      const node = key
        .split('.')
        .reduce<Node | undefined>((section, name) => section?.properties?.[name], schema);
      return (node?.description ?? '') === '';
    });
    expect(without).toEqual([]);
  });

  it('has the defaults', () => {
    expect(schema).toMatchObject({
      properties: {
        port: { default: 8443 },
        request_deadline: { default: 1_000 },
        probe: {
          properties: {
            cookie: { default: 'auth_token' },
            tls: { properties: { verify: { default: false } } },
          },
        },
      },
    });
  });

  it('accepts the samples of the page', () => {
    expect(samples.length).toBeGreaterThan(2);
    for (const sample of samples) expect([sample, marked(parse(sample))]).toEqual([sample, []]);
  });

  it('accepts what Syncer reads: numbers as text, durations, sections of instances', () => {
    const content = {
      $schema: './syncer.schema.json',
      port: '8080',
      sync_timeout: 200,
      request_deadline: '3s',
      listen: ':8080',
      instances: ['10.0.0.1', { name: 'nginx-1', address: '10.0.0.2', port: 8443 }],
      probe: { mode: 'header', headers: { Authorization: 'Bearer {token}' }, tls: { verify: true } },
    };
    expect(marked(content)).toEqual([]);
  });

  it.each([
    ['an unknown key', { retry: 5 }],
    ['an unknown key of a section', { probe: { cookies: 'a' } }],
    ['a mode that does not exist', { probe: { mode: 'jwt' } }],
    ['a number in place of a list', { instances: 3 }],
  ])('marks %s', (_, content) => {
    expect(marked(content)).not.toEqual([]);
  });
});

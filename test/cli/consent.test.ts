import { PassThrough } from 'node:stream';
import { ask, consentOf, type Terminal } from '../../src/cli/consent';
import { UsageError, UserError } from '../../src/errors';

function terminal({ input = true, output = true } = {}): Terminal & {
  input: PassThrough;
  output: PassThrough;
} {
  return {
    input: Object.assign(new PassThrough(), { isTTY: input }),
    output: Object.assign(new PassThrough(), { isTTY: output }),
  };
}

describe('consentOf', () => {
  test.each([
    ['a named set', { set: 'a'.repeat(12) }, { kind: 'set', set: 'a'.repeat(12) }],
    ['a named set before --yes', { set: 'a'.repeat(12), yes: true }, { kind: 'set', set: 'a'.repeat(12) }],
    ['--yes', { yes: true }, { kind: 'yes' }],
    ['a question on a terminal', {}, { kind: 'ask' }],
  ])('accepts %s', (_what, options, consent) => {
    expect(consentOf(options, 'vsync approve', terminal())).toEqual(consent);
  });

  test.each([
    ['no terminal', { input: false, output: false }],
    ['an input that is a file', { input: false }],
    ['an output that is a file', { output: false }],
  ])('refuses %s, and names --set and --yes', (_what, is) => {
    const refused = (): unknown => consentOf({}, 'vsync approve', terminal(is));
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(/^vsync approve asks before it acts.*--set HASH.*--yes/);
  });
});

describe('ask', () => {
  test.each(['yes', 'YES', ' yes '])('accepts %j', async (answer) => {
    const at = terminal();
    const asked = ask('Soft-delete these 3 secrets?', at);
    at.input.write(`${answer}\n`);
    await expect(asked).resolves.toBeUndefined();
    expect(String(at.output.read())).toContain('Soft-delete these 3 secrets? Type yes to go on: ');
  });

  test.each(['', 'y', 'no', 'yes please'])('refuses %j', async (answer) => {
    const at = terminal();
    const asked = ask('Delete?', at);
    at.input.write(`${answer}\n`);
    await expect(asked).rejects.toThrow(UserError);
  });

  test.each([
    ['Ctrl-D', '\u0004'],
    ['Ctrl-C', '\u0003'],
  ])('refuses %s', async (_what, key) => {
    const at = terminal();
    const asked = ask('Delete?', at);
    at.input.write(key);
    await expect(asked).rejects.toThrow('not confirmed: nothing was changed');
  });

  test('refuses an input that ends', async () => {
    const at = terminal();
    const asked = ask('Delete?', at);
    at.input.end();
    await expect(asked).rejects.toThrow('not confirmed: nothing was changed');
  });
});

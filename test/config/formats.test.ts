import { parseHcl } from '../../src/config/hcl';
import { parseJson } from '../../src/config/json';
import { SyntaxProblem } from '../../src/config/syntax-problem';
import { parseYaml } from '../../src/config/yaml';

/** Stands in all malformed texts; no message may hold it. */
const SECRET = 'hvs.CAESIJ';

function problemOf(parse: (text: string) => unknown, text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    expect(error.message).not.toContain('CAES');
    return error.message;
  }
  throw new Error('was not refused');
}

describe('parseJson', () => {
  it('reads JSON', () => {
    expect(parseJson(' {"a": [1, -2.5e3, true, null, "\\u00e9\\n"]} ')).toEqual({
      a: [1, -2500, true, null, 'é\n'],
    });
  });

  it.each([
    [
      'text without quotes',
      `{\n  "token": ${SECRET}\n}`,
      'line 2, column 12: a value is missing or malformed',
    ],
    [
      'text that is not ended',
      `{"token": "${SECRET}\n}`,
      'line 1, column 11: text in double quotes is not ended',
    ],
    ['single quotes', `{"token": '${SECRET}'}`, 'line 1, column 11: a value is missing or malformed'],
    ['a wrong escape', `{"token": "${SECRET}\\q"}`, 'line 1, column 11: text in double quotes'],
    ['a comma at the end', `{"token": "${SECRET}",}`, 'line 1, column 24: a key in double quotes is missing'],
    ['a missing comma', `{"a": 1\n "token": "${SECRET}"}`, 'line 2, column 2: "," or "}" is missing'],
    ['a missing comma in a list', `["${SECRET}" 1]`, 'line 1, column 15: "," or "]" is missing'],
    ['a missing colon', `{"token" "${SECRET}"}`, 'line 1, column 10: ":" is missing'],
    ['a cut-off file', `{"token": "${SECRET}"`, 'line 1, column 23: "," or "}" is missing'],
    ['a comment', `{"token": "${SECRET}" // old\n}`, 'line 1, column 24: "," or "}" is missing'],
    ['two values', `{"token": "${SECRET}"}\n{}`, 'line 2, column 1: there is something behind the end'],
    ['a number as it is not written in JSON', '[01]', 'line 1, column 2: a value is missing or malformed'],
    [
      'a word that only begins as one of JSON',
      '[truely]',
      'line 1, column 2: a value is missing or malformed',
    ],
  ])('says where the error is, and quotes nothing: %s', (_reason, text, message) => {
    expect(problemOf(parseJson, text)).toContain(message);
  });
});

describe('parseYaml', () => {
  it('reads YAML, with anchors and merged sections', () => {
    const text = 'base: &base\n  tick: 10s\norigin:\n  <<: *base\n  mounts: [a/]\n';
    expect(parseYaml(text)).toEqual({ base: { tick: '10s' }, origin: { tick: '10s', mounts: ['a/'] } });
  });

  it.each([
    ['a tab', `vault:\n\ttoken: ${SECRET}\n`, 'line 2, column 1: is not YAML ('],
    [
      'a key that stands there twice',
      `token: a\ntoken: ${SECRET}\n`,
      'line 2, column 1: is not YAML (duplicate key)',
    ],
    ['text that is not ended', `token: "${SECRET}\n`, 'is not YAML ('],
    ['text behind a section', `vault: ${SECRET}\n  token: ${SECRET}\n`, 'is not YAML ('],
    ['an unknown tag', `token: !secret ${SECRET}\n`, 'line 1, column 8: is not YAML (tag resolve failed)'],
    ['an alias without its anchor', `token: *${SECRET}\n`, 'an alias without its anchor'],
    ['a section as a key', `{ token: ${SECRET} }: x\n`, 'is not YAML (non string key)'],
    ['two documents', `token: a\n---\ntoken: ${SECRET}\n`, 'is not YAML (multiple docs)'],
  ])('says where the error is, and quotes nothing: %s', (_reason, text, message) => {
    expect(problemOf(parseYaml, text)).toContain(message);
  });
});

describe('parseHcl', () => {
  it('reads what the original reads', () => {
    const text = `
      # a comment, // another one
      name = "x" // not part of it
      numBuckets = 19, ratio = -1.5e3
      "quoted" = true
      origin {
        vault { address = "http://a" /* inline */ approle { role_id = "r" } }
        consul = { address = "c:1" }
        mounts = ["a/", "b/",]
      }
      destination "vault" { token = "t" }
    `;
    expect(parseHcl(text)).toEqual({
      name: 'x',
      numBuckets: 19,
      ratio: -1500,
      quoted: true,
      origin: {
        vault: { address: 'http://a', approle: { role_id: 'r' } },
        consul: { address: 'c:1' },
        mounts: ['a/', 'b/'],
      },
      destination: { vault: { token: 't' } },
    });
  });

  it.each([
    ['escapes', String.raw`a = "\"\\\n\t\u00e9\U0001F511\x41\101"`, { a: '"\\\n\té🔑AA' }],
    ['no meaning of "${"', 'a = "x${1}$"', { a: 'x${1}$' }],
    [
      'blocks of one name become a list',
      't { n = 1 }\nt { n = 2 }\nt { n = 3 }',
      { t: [{ n: 1 }, { n: 2 }, { n: 3 }] },
    ],
    ['labels stand for blocks', 'a "b" "c" { d = 1 }', { a: { b: { c: { d: 1 } } } }],
    ['JSON is HCL', ' {"a": {"b": 1}}', { a: { b: 1 } }],
    ['nothing', '\n# nothing\n', {}],
    ['an empty block and list', 'a { } b = []', { a: {}, b: [] }],
  ])('%s', (_reason, text, expected) => {
    expect(parseHcl(text)).toEqual(expected);
  });

  it.each([
    [
      'text that is not ended',
      `a = 1\n  token = "${SECRET}\n`,
      'line 2, column 11: text in double quotes is not ended',
    ],
    ['text without quotes', `token = ${SECRET}`, 'line 1, column 9: a value is missing or malformed'],
    ['a block that is not ended', `vault { token = "${SECRET}"`, '"}" is missing'],
    ['an end without its begin', `token = "${SECRET}" }`, 'line 1, column 22: a key is missing'],
    ['a missing value', 'a = ', 'line 1, column 5: a value is missing'],
    ['a missing comma', `a = ["${SECRET}" 1]`, '"," or "]" is missing'],
    [
      'a key that stands there twice',
      `token = "a"\ntoken = "${SECRET}"`,
      'line 2, column 1: the key stands there twice',
    ],
    ['a key and a block', `vault = "${SECRET}"\nvault { }`, 'line 2, column 1: the key stands there twice'],
    [
      'a here document',
      `token = <<EOF\n${SECRET}\nEOF\n`,
      'line 1, column 9: write the text in double quotes',
    ],
    ['an unknown escape', `token = "${SECRET}\\w"`, 'line 1, column 9: a "\\" in this text escapes nothing'],
    ['a character that does not exist', `token = "${SECRET}\\UFFFFFFFF"`, 'escapes nothing'],
    ['a label before "="', `a "b" = "${SECRET}"`, 'line 1, column 7: "{" is missing'],
    ['a comment that is not ended', `token = "${SECRET}" /* x`, 'line 1, column 22: a comment is not ended'],
    ['malformed JSON', `{"token": ${SECRET}}`, 'line 1, column 11: a value is missing or malformed'],
  ])('says where the error is, and quotes nothing: %s', (_reason, text, message) => {
    expect(problemOf(parseHcl, text)).toContain(message);
  });

  it('keeps a key "__proto__" as one', () => {
    expect(Object.keys(parseHcl('__proto__ { a = 1 }') as object)).toEqual(['__proto__']);
  });
});

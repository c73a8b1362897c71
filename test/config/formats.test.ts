import { parseHcl } from '../../src/config/hcl';
import { parseJson, SyntaxProblem } from '../../src/config/syntax';
import { parseYaml, parseYaml11 } from '../../src/config/yaml';

/** Part of every malformed text; no message may contain it. */
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
    ['a comment', `{"token": "${SECRET}" // old\n}`, 'line 1, column 24: comments are not allowed in JSON'],
    ['two values', `{"token": "${SECRET}"}\n{}`, 'line 2, column 1: there is more text after the end'],
    ['a number as it is not written in JSON', '[01]', 'line 1, column 2: a value is missing or malformed'],
    [
      'a word that only begins as one of JSON',
      '[truely]',
      'line 1, column 2: a value is missing or malformed',
    ],
  ])('reports the place of a problem, and quotes nothing: %s', (_reason, text, message) => {
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
    ['a repeated key', `token: a\ntoken: ${SECRET}\n`, 'line 2, column 1: is not YAML (duplicate key)'],
    ['text that is not ended', `token: "${SECRET}\n`, 'is not YAML ('],
    ['text behind a section', `vault: ${SECRET}\n  token: ${SECRET}\n`, 'is not YAML ('],
    ['an unknown tag', `token: !secret ${SECRET}\n`, 'line 1, column 8: is not YAML (tag resolve failed)'],
    ['an alias without its anchor', `token: *${SECRET}\n`, 'an alias without its anchor'],
    ['a section as a key', `{ token: ${SECRET} }: x\n`, 'is not YAML (non string key)'],
    ['two documents', `token: a\n---\ntoken: ${SECRET}\n`, 'is not YAML (multiple docs)'],
  ])('reports the place of a problem, and quotes nothing: %s', (_reason, text, message) => {
    expect(problemOf(parseYaml, text)).toContain(message);
  });
});

describe('parseYaml11', () => {
  it.each([
    ['yes', true],
    ['y', true],
    ['On', true],
    ['NO', false],
    ['off', false],
    ['n', false],
    ['"yes"', 'yes'],
    ['yEs', 'yEs'],
    ['017', 15],
    ['0o17', 15],
    ['-017', -15],
    ['0x10', 16],
    ['0b11', 3],
    ['1_000', 1000],
    ['08', 8],
    ['12e+5', 1_200_000],
    ['1e3', '1e3'],
    ['12e4567', '12e4567'],
    ['5.', '5.'],
    ['.5', 0.5],
    ['1:30', '1:30'],
    ['2001-01-01', '2001-01-01'],
    ['9007199254740993', 9007199254740993n],
    ['~', null],
    ['', null],
    ['.inf', Infinity],
    ['!!str 017', '017'],
    ['!!int "017"', 15],
    ['!!binary aGVsbG8=', 'hello'],
    ['!secret x', 'x'],
    ['!constructor 1', '1'],
    ["'a''b'", "a'b"],
    ['[a, {b: no}]', ['a', { b: false }]],
  ])('resolves %s as yaml.v2 does', (text, value) => {
    expect(parseYaml11(`a: ${text}\n`)).toEqual({ a: value });
  });

  it('reads the first of several documents, even before a malformed one', () => {
    expect(parseYaml11('---\na: 1\n---\nb: [\n')).toEqual({ a: 1 });
    expect(parseYaml11('a: 1\n---\n')).toEqual({ a: 1 });
    expect(parseYaml11('# nothing\n')).toBeNull();
  });

  it('replaces keys before a "<<", and lets keys after it replace those of the "<<"', () => {
    const text = 'base: &b {x: 1, y: 1}\nmore: &m {x: 2, z: 2}\n';
    const read = (section: string): unknown => (parseYaml11(`${text}s:\n${section}`) as { s: unknown }).s;
    expect(read('  x: 0\n  <<: *b\n  y: 0\n')).toEqual({ x: 1, y: 0 });
    expect(read('  <<: [*m, *b]\n')).toEqual({ x: 2, y: 1, z: 2 });
    expect(read('  <<: *b\n  <<: *m\n')).toEqual({ x: 2, y: 1, z: 2 });
    expect(read('  "<<": 1\n')).toEqual({ '<<': 1 });
  });

  it('reports the line of a "<<" and the keys before it that it replaces', () => {
    const text = 'base: &b {x: 1, y: 1}\nmore: &m {x: 2, z: 2}\n';
    const replacedIn = (section: string): unknown[] => {
      const found: unknown[] = [];
      parseYaml11(`${text}s:\n${section}`, { replaced: (line, names) => found.push([line, names]) });
      return found;
    };
    expect(replacedIn('  x: 0\n  <<: *b\n  y: 0\n')).toEqual([[5, ['x']]]);
    expect(replacedIn('  z: 0\n  x: 0\n  <<: [*m, *b]\n')).toEqual([[6, ['x', 'z']]]);
    expect(replacedIn('  <<: *b\n  <<: *m\n  x: 0\n')).toEqual([]);
    expect(replacedIn('  z: 0\n  <<: *b\n  <<: *m\n')).toEqual([[6, ['z']]]);
  });

  it('takes the later of two equal keys, and reports the line', () => {
    const lines: number[] = [];
    expect(parseYaml11('a: 1\nb: 2\na: 3\n', { repeated: (line) => lines.push(line) })).toEqual({
      a: 3,
      b: 2,
    });
    expect(lines).toEqual([3]);
  });

  it.each([
    ['a tab', `vault:\n\ttoken: ${SECRET}\n`, 'line 2, column 1: is not YAML ('],
    ['an alias without its anchor', `token: *${SECRET}\n`, 'an alias without its anchor'],
    ['an anchor inside of itself', `token: &a [*a, ${SECRET}]\n`, 'too many of them'],
    [
      'aliases that stand for too much',
      `a: &a [${SECRET}, x, x, x, x, x, x, x, x]\n${'bcdefg'.replace(/./g, (name, at: number) => {
        const before = String.fromCharCode('a'.charCodeAt(0) + at);
        return `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]\n`;
      })}`,
      'too many of them',
    ],
    ['a "<<" of text', `<<: ${SECRET}\n`, 'line 1, column 5: is not YAML ("<<" takes a section'],
    [
      'a tag that does not fit',
      `token: !!int ${SECRET}\n`,
      'line 1, column 14: is not YAML (a value that is not',
    ],
  ])('reports the place of a problem, and quotes nothing: %s', (_reason, text, message) => {
    expect(problemOf(parseYaml11, text)).toContain(message);
  });
});

describe('parseJson and parseHcl', () => {
  it('take the later of two equal keys, and report the line', () => {
    const lines: number[] = [];
    const remarks = { repeated: (line: number): number => lines.push(line) };
    expect(parseJson('{"a": 1,\n"b": {"a": 2},\n"\\u0061": 3}', remarks)).toEqual({ a: 3, b: { a: 2 } });
    expect(parseHcl('a = 1\nb = 2\na = "x"\n', remarks)).toEqual({ a: 'x', b: 2 });
    expect(lines).toEqual([3, 3]);
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
    ['"${" as text', 'a = "x${1}$"', { a: 'x${1}$' }],
    ['a "${" with its brace escaped', String.raw`a = "x$\x7b1"`, { a: 'x${1' }],
    [
      'blocks of one name, as a list',
      't { n = 1 }\nt { n = 2 }\nt { n = 3 }',
      { t: [{ n: 1 }, { n: 2 }, { n: 3 }] },
    ],
    ['labels, as blocks', 'a "b" "c" { d = 1 }', { a: { b: { c: { d: 1 } } } }],
    ['JSON', ' {"a": {"b": 1}}', { a: { b: 1 } }],
    ['nothing', '\n# nothing\n', {}],
    ['an empty block and list', 'a { } b = []', { a: {}, b: [] }],
    ['keys with dots', 'a.b-c.d = 1\n"e.f" = 2', { 'a.b-c.d': 1, 'e.f': 2 }],
    ['octal and hexadecimal numbers', 'a = 017 b = 0x1F c = -0x10', { a: 15, b: 31, c: -16 }],
    ['numbers with a fraction', 'a = 1e3 b = 5. c = .5 d = 0.5', { a: 1000, b: 5, c: 0.5, d: 0.5 }],
    ['repeated lists, as one list', 'a = [1]\na = [2]', { a: [1, 2] }],
    ['an object and a block, as a list', 'a = { b = 1 }\na { b = 2 }', { a: [{ b: 1 }, { b: 2 }] }],
    ['needless commas', 'a = [1,,2,]', { a: [1, 2] }],
    ['quotes and line ends inside of "${"', 'a = "${"b"}${\n}"', { a: '${"b"}${\n}' }],
    ['a here document', 'a = <<EOF\nx\ny\nEOF\nb = 1', { a: 'x\ny\n', b: 1 }],
    ['an indented here document', 'a = <<-EOF\n  x\n   y\n  EOF\n', { a: 'x\n y\n' }],
  ])('reads %s', (_reason, text, expected) => {
    expect(parseHcl(text)).toEqual(expected);
  });

  it.each([
    [
      'text that is not ended',
      `a = 1\n  token = "${SECRET}\n`,
      'line 2, column 11: text in double quotes is not ended',
    ],
    ['text without quotes', `token = ${SECRET}`, 'line 1, column 9: a value is missing or malformed'],
    [
      'a "${" that is not ended',
      `name = "x"\ntoken = "s3cr\${${SECRET}"`,
      'line 2, column 14: text in double quotes is not ended: after "${" it goes on to the next "}"; write "$\\x7b"',
    ],
    [
      'a "${" that ends with the block around it',
      `vault {\n  token = "s3cr\${${SECRET}"\n}\n`,
      'line 2, column 11: text in double quotes is not ended on its line; after "${" it goes on to the next "}"; write "$\\x7b"',
    ],
    ['a block that is not ended', `vault { token = "${SECRET}"`, '"}" is missing'],
    ['an end without its begin', `token = "${SECRET}" }`, 'line 1, column 22: a key is missing'],
    ['a missing value', 'a = ', 'line 1, column 5: a value is missing'],
    ['a missing comma', `a = ["${SECRET}" 1]`, '"," or "]" is missing'],
    [
      'a key and a block',
      `vault = "${SECRET}"\nvault { }`,
      'line 2, column 1: the key is written twice, as a section or list and as a plain value',
    ],
    [
      'a here document without its end',
      `token = <<EOF\n${SECRET}\n`,
      'line 1, column 9: text after "<<" is not ended by its mark on a line of its own',
    ],
    ['a digit that is not octal', 'a = 08', 'line 1, column 5: a number that begins with "0" is octal'],
    ['an unknown escape', `token = "${SECRET}\\w"`, 'line 1, column 9: a "\\" in this text escapes nothing'],
    ['a character that does not exist', `token = "${SECRET}\\UFFFFFFFF"`, 'escapes nothing'],
    ['a label before "="', `a "b" = "${SECRET}"`, 'line 1, column 7: "{" is missing'],
    ['a comment that is not ended', `token = "${SECRET}" /* x`, 'line 1, column 22: a comment is not ended'],
    ['malformed JSON', `{"token": ${SECRET}}`, 'line 1, column 11: a value is missing or malformed'],
  ])('reports the place of a problem, and quotes nothing: %s', (_reason, text, message) => {
    expect(problemOf(parseHcl, text)).toContain(message);
  });

  it('keeps the key "__proto__"', () => {
    expect(Object.keys(parseHcl('__proto__ { a = 1 }') as object)).toEqual(['__proto__']);
  });
});

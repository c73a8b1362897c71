import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { commandsPage } from '../dev/scripts/commands-page';
import { CONFIGURATION_PAGE, JSON_SCHEMA_FILES, jsonSchemaText, withKeys } from '../dev/scripts/docs';

const ROOT = path.join(__dirname, '..');

/** The pages that a reader may come to; paths from the top folder. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => path.join('docs', file))
    .sort(),
];

describe('docs/configuration.md', () => {
  it('says what the schema says (else: npm run docs)', () => {
    const page = readFileSync(CONFIGURATION_PAGE, 'utf8');
    expect(page).toBe(withKeys(page));
  });
});

describe('docs/commands.md', () => {
  it('says what the commands say (else: npm run docs)', () => {
    expect(read('docs/commands.md')).toBe(commandsPage());
  });
});

describe.each(JSON_SCHEMA_FILES)('%s', (file, make) => {
  it('says what the schema says (else: npm run docs)', () => {
    expect(readFileSync(path.join(ROOT, file), 'utf8')).toBe(jsonSchemaText(make));
  });
});

describe('the links of', () => {
  it.each(PAGES)('%s lead somewhere', (page) => {
    expect(linksOf(page).flatMap((link) => problemOf(page, link) ?? [])).toEqual([]);
  });

  it('docs/README.md lead to every page of docs', () => {
    const linked = linksOf('docs/README.md').map((link) => link.split('#')[0]);
    const pages = PAGES.filter((page) => /^docs\/[^/]+$/.test(page) && page !== 'docs/README.md');
    expect(pages.map((page) => path.basename(page)).filter((page) => !linked.includes(page))).toEqual([]);
  });

  it('the pages are found at all', () => {
    expect(linksOf('README.md')).toContain('docs/operating.md#not-yet');
  });
});

describe('CONTRIBUTING.md', () => {
  const page = read('CONTRIBUTING.md');

  it('has a line in its map for each folder of src and dev', () => {
    const folders = ['src', 'dev', 'src/activities'].flatMap((top) =>
      readdirSync(path.join(ROOT, top), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${top}/${name}/`),
    );
    expect(
      folders.filter((folder) => folder !== 'src/activities/' && !page.includes(`| \`${folder}\``)),
    ).toEqual([]);
  });

  it('names only files and folders that exist', () => {
    const named = [...page.matchAll(/`((?:src|dev|test|docs)\/[\w./-]*)`/g)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((file) => !/N(AME|NNN)/.test(file) && !existsSync(path.join(ROOT, file)))).toEqual(
      [],
    );
  });
});

describe('anchorsOf', () => {
  it('makes anchors as GitHub does', () => {
    const text = '# A `code_name`: what, why?\n\n```\n# no heading\n```\n\n## Twice\n\n## Twice\n';
    expect([...anchorsOf(text)]).toEqual(['a-code_name-what-why', 'twice', 'twice-1']);
  });
});

/** Targets of the links to files and anchors of this repository. */
function linksOf(page: string): string[] {
  const text = withoutCode(read(page));
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target));
}

/** What is wrong with a link, or undefined. */
function problemOf(page: string, link: string): string | undefined {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : path.join(path.dirname(page), file);
  const absolute = path.join(ROOT, target);
  if (!existsSync(absolute)) return `${link}: there is no ${target}`;
  if (anchor === undefined) return undefined;
  if (statSync(absolute).isDirectory() || !anchorsOf(read(target)).has(anchor))
    return `${link}: there is no heading #${anchor} in ${target}`;
  return undefined;
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const plain = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = plain;
    for (let times = 1; anchors.has(anchor); times++) anchor = `${plain}-${times}`;
    anchors.add(anchor);
  }
  return anchors;
}

function withoutFences(text: string): string {
  return text.replace(/^```[^]*?^```/gm, '');
}

function withoutCode(text: string): string {
  return withoutFences(text).replace(/`[^`\n]*`/g, '');
}

function read(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8');
}

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { configJsonSchema, allKeys, rootKey, type Key } from '../../src/config/keys';
import { syncerJsonSchema } from '../../src/syncer/json-schema';
import { commandsPage } from './commands-page';
import { aligned, cell, code } from './markdown-table';

/*
 * `npm run docs`: writes the reference of the configuration's keys into docs/configuration.md, docs/commands.md, and the
 * JSON Schema of the file for editors; and that of the file of Syncer. The schemas in src/config and src/syncer/config.ts are where a
 * key is described; test/docs.test.ts fails if the page or a file says something else.
 */

export const CONFIGURATION_PAGE = path.join(__dirname, '..', '..', 'docs', 'configuration.md');

export const COMMANDS_PAGE = path.join(__dirname, '..', '..', 'docs', 'commands.md');

/** The files with a JSON Schema, and what makes their content. */
export const JSON_SCHEMA_FILES: readonly [name: string, make: () => object][] = [
  ['docs/vsync.schema.json', configJsonSchema],
  ['docs/syncer.schema.json', syncerJsonSchema],
];

const BEGIN = '<!-- keys: begin; written by "npm run docs", not by hand -->';
const END = '<!-- keys: end -->';

const KINDS: Readonly<Record<Exclude<Key['kind'], 'section'>, string>> = {
  text: 'text',
  duration: 'duration',
  number: 'number',
  boolean: 'true or false',
  list: 'list of texts',
  rules: 'list of sections',
};

/**
 * The page with its reference written anew; all else stays as it is.
 *
 * @throws Error if one of the two markers is missing
 */
export function withKeys(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page must have "${BEGIN}" and behind it "${END}"`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${reference()}\n\n${page.slice(end)}`;
}

/** Text of a file with a JSON Schema. */
export function jsonSchemaText(make: () => object): string {
  return `${JSON.stringify(make(), null, 2)}\n`;
}

/** One table for the keys at the top, and one for each section. */
function reference(): string {
  const top = [...rootKey.children.values()];
  const sections = top.filter(({ kind }) => kind === 'section');
  return [
    '### At the top',
    table(top.filter(({ kind }) => kind !== 'section')),
    ...sections.flatMap((section) => [
      `### ${code(section.path)}`,
      sentence(section.description ?? ''),
      table(allKeys(section)),
    ]),
  ].join('\n\n');
}

function table(keys: readonly Key[]): string {
  const rows = keys
    .filter(({ kind }) => kind !== 'section')
    .map((key) => [code(shownPath(key)), kindOf(key), defaultOf(key), cell(key.description ?? '')]);
  return aligned([['key', 'takes', 'default', 'meaning'], ...rows]);
}

/** Below a list of sections, "[]" is the place in the list. */
function shownPath({ path: keyPath }: Key): string {
  const rules = allKeys().find(
    ({ kind, path: other }) => kind === 'rules' && keyPath.startsWith(`${other}.`),
  );
  return rules === undefined ? keyPath : `${rules.path}[]${keyPath.slice(rules.path.length)}`;
}

function kindOf({ kind, secret, children }: Key): string {
  if (kind === 'section') return kind;
  const orSection = kind === 'boolean' && children.size > 0 ? ', or a section' : '';
  return KINDS[kind] + orSection + (secret ? ' (secret)' : '');
}

function defaultOf({ path: keyPath, defaultValue }: Key): string {
  if (keyPath === 'name') return 'the role';
  if (defaultValue === undefined || defaultValue === '') return '';
  if (Array.isArray(defaultValue) && defaultValue.length === 0) return 'none';
  return code(typeof defaultValue === 'string' ? defaultValue : JSON.stringify(defaultValue));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

if (require.main === module) {
  const page = readFileSync(CONFIGURATION_PAGE, 'utf8');
  writeFileSync(CONFIGURATION_PAGE, withKeys(page));
  const schemas = JSON_SCHEMA_FILES.map(([name, make]) => {
    const file = path.join(__dirname, '..', '..', name);
    writeFileSync(file, jsonSchemaText(make));
    return file;
  });
  writeFileSync(COMMANDS_PAGE, commandsPage());
  for (const file of [CONFIGURATION_PAGE, COMMANDS_PAGE, ...schemas]) {
    console.log(`${path.relative(process.cwd(), file)} is up to date`);
  }
}

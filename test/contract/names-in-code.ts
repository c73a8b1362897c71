import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { createDestinationActivities, createOriginActivities } from '../../src/activities';
import { FINDING_KINDS } from '../../src/activities/destination/verify/findings';
import { createProgram } from '../../src/cli';
import { jsonOfConfig } from '../../src/cli/config';
import { FLAGS } from '../../src/cli/options';
import { GivenValues } from '../../src/config/given-values';
import { allKeys, valueKeys } from '../../src/config/keys';
import { setFromEnvironment } from '../../src/config/layers';
import { NO_COUNTS, OUTCOMES, sharedQueue } from '../../src/contract/cycle';
import { FAILURE_TYPES, PATH_CLASSES } from '../../src/contract/failures';
import { scheduleId, taskQueue, verifyId, watchId } from '../../src/contract/ids';
import { NO_FINDINGS } from '../../src/contract/verify';
import { ORIGIN_CHANGED } from '../../src/contract/watch';
import * as workflows from '../../src/workflows';

const SRC = path.join(__dirname, '..', '..', 'src');

/** What is stored in Consul, and the schema by which it is read. */
const STORED: readonly [what: string, file: string, schema: string][] = [
  ['origin/state', 'sync-info/state.ts', 'OriginStateSchema'],
  ['destination/state', 'sync-info/state.ts', 'DestinationStateSchema'],
  ['state: last', 'sync-info/state.ts', 'LastCycle'],
  ['state: parts', 'sync-info/state.ts', 'FingerprintPartsSchema'],
  ['state: deletesOfDay', 'sync-info/state.ts', 'HourOfDeletesSchema'],
  ['state: held', 'sync-info/state.ts', 'HeldDeletesSchema'],
  ['destination/settled', 'sync-info/known-differences.ts', 'KnownDifferencesSchema'],
  ['destination/orphans', 'sync-info/orphans.ts', 'OrphanSchema'],
  ['schedule', 'temporal/schedule-record.ts', 'RecordSchema'],
];

/** Names by what they are names of. Within one section, a line is one name, or a name with the names that it has. */
export type Names = Record<string, readonly string[]>;

/** Every name that users' files and scripts, stored data, or running workflows depend on, as the code has it now. */
export function namesInCode(): Names {
  return {
    'Consul keys (below <syncPath><role>/)': consulKeys(),
    'fields of what is stored': STORED.map(
      ([what, file, schema]) => `${what}: ${schemaFields(file, schema)}`,
    ),
    'memos in Temporal': [
      `schedule: ${schemaFields('temporal/ownership.ts', 'IdentitySchema')}`,
      ...argumentsOf('workflows/cycle.ts', 'upsertMemo').map((memo) => `cycle: ${memo}`),
    ],
    'configuration keys': allKeys()
      .map(({ path: key }) => key)
      .sort(),
    'environment variables': valueKeys()
      .flatMap(({ path: key }) => [key, key.replace('.approle.', '.')])
      .map((key) => `VSYNC_${key.replaceAll('.', '_').toUpperCase()}`)
      .filter(isRead)
      .sort(),
    'options that override keys': FLAGS.map(([key]) => `--${key}`).sort(),
    'commands and their own options': createProgram().commands.map(commandOf).sort(),
    'ids and task queues in Temporal': [
      scheduleId('origin', 'NAME'),
      scheduleId('destination', 'NAME'),
      watchId('NAME'),
      verifyId('NAME'),
      taskQueue('origin', 'NAME'),
      taskQueue('destination', 'NAME'),
      sharedQueue(taskQueue('origin', 'NAME')),
      sharedQueue(taskQueue('destination', 'NAME')),
    ],
    'workflows and signals': [...Object.keys(workflows).sort(), `signal ${ORIGIN_CHANGED}`],
    'activities of an origin': activitiesOf(createOriginActivities),
    'activities of a destination': activitiesOf(createDestinationActivities),
    'steps of a cycle': [
      ...new Set(
        ['origin-cycle', 'destination-cycle'].flatMap((file) => argumentsOf(`workflows/${file}.ts`, 'step')),
      ),
    ],
    messages: ['cycle', 'origin', 'destination', 'verify', 'watch'].flatMap((file) =>
      typesIn(`contract/${file}.ts`),
    ),
    'failure types': [...FAILURE_TYPES].sort(),
    'path classes': [...PATH_CLASSES].sort(),
    outcomes: [...OUTCOMES].sort(),
    counts: Object.keys(NO_COUNTS),
    'counts of verify': Object.keys(NO_FINDINGS),
    'kinds of findings': [...FINDING_KINDS].sort(),
    'fields of --json': [
      ...typesIn('activities/destination/plan/plan.ts'),
      ...typesIn('cli/status.ts', ['Status', 'CycleStatus']),
      ...typesIn('cli/verify/report.ts', ['Report']),
      `Finding: ${schemaFields('activities/destination/verify/findings.ts', 'FindingSchema')}`,
      ...typesIn('cli/verify/repair.ts', ['Repair']),
      ...typesIn('access/check-line.ts'),
      `config ${Object.keys(JSON.parse(jsonOfConfig({ role: 'origin', name: '', keys: [], warnings: [] })) as object).join(' ')}`,
    ],
  };
}

function commandOf(command: Command): string {
  const own = command.options.filter(({ long }) => !FLAGS.some(([key]) => long === `--${key}`));
  return [
    command.name(),
    ...own.map(({ long, short }) => [short, long].filter(Boolean).join('/')).sort(),
  ].join(' ');
}

/** Whether a variable of the environment is one of a key. */
function isRead(name: string): boolean {
  const reports = { problems: [], warnings: [] as string[] };
  setFromEnvironment({ [name]: '1' }, new GivenValues(), reports);
  return !reports.warnings.some((warning) => warning.includes('is not a key'));
}

function activitiesOf(create: (deps: never) => object): string[] {
  return Object.keys(create({ config: { name: 'NAME' } } as never)).sort();
}

function parsed(file: string): ts.SourceFile {
  const text = readFileSync(path.join(SRC, file), 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
}

function* nodesIn(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesIn(child);
}

/** Interfaces with their properties ("?": optional), and other types with their text. Not types of a constant list. */
function typesIn(file: string, only?: readonly string[]): string[] {
  return parsed(file)
    .statements.filter((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one))
    .filter(({ name }) => only?.includes(name.text) !== false)
    .filter((one) => !one.getText().includes('(typeof '))
    .map((one) => `${one.name.text}: ${ts.isInterfaceDeclaration(one) ? membersOf(one) : textOf(one.type)}`);
}

function membersOf({ heritageClauses, members }: ts.InterfaceDeclaration): string {
  const parents = [...(heritageClauses ?? [])].flatMap(({ types }) =>
    types.map((type) => `...${textOf(type)}`),
  );
  const own = members.filter(ts.isPropertySignature).map(({ name, questionToken, type }) => {
    const inner = type !== undefined && ts.isTypeLiteralNode(type) ? ` ${textOf(type)}` : '';
    return `${name.getText()}${questionToken === undefined ? '' : '?'}${inner}`;
  });
  return [...parents, ...own].join(' ');
}

/** Without comments, on one line. */
function textOf(node: ts.Node): string {
  return node
    .getText()
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\s+/g, ' ');
}

/** Keys of the objects of a zod schema on every level ("?": optional). */
function schemaFields(file: string, name: string): string {
  const schema = [...nodesIn(parsed(file))]
    .filter(ts.isVariableDeclaration)
    .find(({ name: one }) => one.getText() === name);
  if (schema?.initializer === undefined)
    throw new Error(`there is no ${name} in src/${file} any more: name the new one here`);
  return [...nodesIn(schema.initializer)]
    .filter(ts.isPropertyAssignment)
    .map(
      ({ name: key, initializer }) =>
        `${key.getText()}${/\.optional\(\)$/.test(initializer.getText()) ? '?' : ''}`,
    )
    .join(' ');
}

/** First argument of each call of a function. */
function argumentsOf(file: string, name: string): string[] {
  return [...nodesIn(parsed(file))]
    .filter(ts.isCallExpression)
    .filter(({ expression }) => new RegExp(`(^|\\.)${name}$`).test(expression.getText()))
    .map(({ arguments: [first] }) => (first === undefined ? '' : textOf(first)));
}

/** What follows `${prefix}` in the template literals that make keys. */
function consulKeys(): string[] {
  const files = ['sync-info/sync-info.ts', 'sync-info/indexed-buckets.ts', 'sync-info/expiries.ts'];
  const more = ['sync-info/dirty-marker.ts', 'activities/clients.ts', 'access/sync-path.ts'];
  const keys = [...files, ...more].flatMap((file) =>
    [...nodesIn(parsed(file))].filter(ts.isTemplateExpression).flatMap(({ head, templateSpans }) => {
      const [first, second] = templateSpans;
      if (head.text !== '' || first === undefined || !/(^|\.)prefix$/.test(first.expression.getText()))
        return [];
      return [`${first.literal.text}${second === undefined ? '' : '<…>'}`];
    }),
  );
  return [...new Set(keys)].sort();
}

import type { Command } from 'commander';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { createDestinationActivities, createOriginActivities } from '../../src/activities';
import { FINDING_KINDS } from '../../src/activities/destination/verify/findings';
import { createProgram } from '../../src/cli';
import { jsonOfConfig } from '../../src/cli/config';
import { FLAGS } from '../../src/cli/options';
import { HEALTH_WORDS, SYNC_WORDS } from '../../src/cli/status/status';
import { GivenValues } from '../../src/config/given-values';
import { allKeys, valueKeys } from '../../src/config/keys';
import { setFromEnvironment } from '../../src/config/layers';
import { NO_COUNTS, OUTCOMES, sharedQueue } from '../../src/contract/cycle';
import { FAILURE_TYPES, PATH_CLASSES } from '../../src/contract/failures';
import { pushId, scheduleId, taskQueue, verifyId, watchId } from '../../src/contract/ids';
import { NO_FINDINGS } from '../../src/contract/verify';
import { ORIGIN_CHANGED } from '../../src/contract/destination';
import { PUSH_UPDATE } from '../../src/contract/push';
import { SECRET_STATES } from '../../src/syncer/secrets/answer';
import * as workflows from '../../src/workflows';

const SRC = path.join(__dirname, '..', '..', 'src');

/** What is stored in Consul, and the schema by which it is read. */
const STORED: readonly [what: string, schema: string][] = [
  ['origin/state', 'OriginStateSchema'],
  ['origin/feed', 'FeedRecordSchema'],
  ['origin/feed: listeners', 'ListenerNoteSchema'],
  ['origin/feed/done', 'FeedDoneSchema'],
  ['destination/state', 'DestinationStateSchema'],
  ['state: last', 'LastCycle'],
  ['state: parts', 'FingerprintPartsSchema'],
  ['state: deletesOfDay', 'HourOfDeletesSchema'],
  ['state: held', 'HeldDeletesSchema'],
  ['destination/settled', 'KnownDifferencesSchema'],
  ['destination/orphans', 'OrphanSchema'],
  ['schedule', 'RecordSchema'],
];

/** Types of parts of what `vsync status --json` prints. */
const STATUS_PARTS = [
  'SyncVerdict',
  'HealthVerdict',
  'VaultStatus',
  'WorkerStatus',
  'PauseNote',
  'SkippedRuns',
  'Totals',
  'UnknownFact',
  'NextAction',
];

/** Names by what they are names of. Within one section, a line is one name, or a name with the names that it has. */
export type Names = Record<string, readonly string[]>;

/** Every name that users' files and scripts, stored data, or running workflows depend on, as the code has it now. */
export function namesInCode(): Names {
  return {
    'Consul keys (below <syncPath><role>/)': consulKeys(),
    'fields of what is stored': STORED.map(([what, schema]) => `${what}: ${schemaFields(schema)}`),
    'memos in Temporal': [
      `schedule: ${schemaFields('IdentitySchema')}`,
      `push: ${schemaFields('PushMemoSchema')}`,
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
      pushId('NAME'),
      taskQueue('origin', 'NAME'),
      taskQueue('destination', 'NAME'),
      sharedQueue(taskQueue('origin', 'NAME')),
      sharedQueue(taskQueue('destination', 'NAME')),
    ],
    'workflows, signals and updates': [
      ...Object.keys(workflows).sort(),
      `signal ${ORIGIN_CHANGED}`,
      `update ${PUSH_UPDATE}`,
    ],
    'activities of an origin': activitiesOf(createOriginActivities),
    'activities of a destination': activitiesOf(createDestinationActivities),
    'steps of a cycle': [
      ...new Set(
        ['origin-cycle', 'destination-cycle'].flatMap((file) => argumentsOf(`workflows/${file}.ts`, 'step')),
      ),
    ],
    messages: ['cycle', 'origin', 'destination', 'verify', 'push'].flatMap((file) =>
      typesIn(`contract/${file}.ts`),
    ),
    'failure types': [...FAILURE_TYPES].sort(),
    'path classes': [...PATH_CLASSES].sort(),
    outcomes: [...OUTCOMES].sort(),
    counts: Object.keys(NO_COUNTS),
    'counts of verify': Object.keys(NO_FINDINGS),
    'kinds of findings': [...FINDING_KINDS].sort(),
    'fields of --json': [
      ...['PlannedAction', 'Planned', 'Plan', 'CycleStatus', 'Status'].map(typeCalled),
      ...STATUS_PARTS.map(typeCalled),
      `words of status: ${[...SYNC_WORDS, ...HEALTH_WORDS].join(' ')}`,
      ...['PushStatus', 'FeedStatus', 'ReceiverStatus', 'Report'].map(typeCalled),
      `Finding: ${schemaFields('FindingSchema')}`,
      ...['Repair', 'EndedCycle', 'CheckResult', 'Check'].map(typeCalled),
      ...['SecretAnswer', 'DestinationAnswer'].map((name) => `${name}: ${schemaFields(name)}`),
      `SecretState: ${SECRET_STATES.join(' ')}`,
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
  const values = new GivenValues();
  setFromEnvironment({ [name]: '1' }, values);
  return !values.warnings.some((warning) => warning.includes('is not a key'));
}

function activitiesOf(create: (deps: never) => object): string[] {
  return Object.keys(create({ config: { name: 'NAME' } } as never)).sort();
}

const texts = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, readFileSync(path.join(SRC, file), 'utf8')]),
);

function parsed(file: string): ts.SourceFile {
  return ts.createSourceFile(file, texts.get(file) ?? '', ts.ScriptTarget.ES2022, true);
}

/** The file that declares a type or a constant, wherever it is. */
function fileWith(name: string): ts.SourceFile {
  const pattern = new RegExp(`^(export )?(const|interface|type) ${name}\\b`, 'm');
  const found = [...texts].filter(([, text]) => pattern.test(text)).map(([file]) => file);
  const [file, ...others] = found;
  if (file !== undefined && others.length === 0) return parsed(file);
  throw new Error(
    `src/ declares ${name} ${found.length} times: name the right one in test/contract/names-in-code.ts`,
  );
}

function* nodesIn(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesIn(child);
}

type TypeDeclaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

function typesOf(file: ts.SourceFile): TypeDeclaration[] {
  return file.statements.filter((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one));
}

/** All types of a file, but for those that a constant list makes. */
function typesIn(file: string): string[] {
  return typesOf(parsed(file))
    .filter((one) => !one.getText().includes('(typeof '))
    .map(lineOf);
}

function typeCalled(name: string): string {
  return typesOf(fileWith(name))
    .filter((one) => one.name.text === name)
    .map(lineOf)
    .join();
}

/** An interface with its properties ("?": optional), another type with its text. */
function lineOf(type: TypeDeclaration): string {
  return `${type.name.text}: ${ts.isInterfaceDeclaration(type) ? membersOf(type) : textOf(type.type)}`;
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
function schemaFields(name: string): string {
  const variables = [...nodesIn(fileWith(name))].filter(ts.isVariableDeclaration);
  const schema = variables.find((variable) => variable.name.getText() === name);
  if (schema?.initializer === undefined) throw new Error(`${name} has no value`);
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
  const keys = [...texts.keys()]
    .filter((file) => texts.get(file)?.includes('prefix}'))
    .flatMap((file) => [...nodesIn(parsed(file))].filter(ts.isTemplateExpression))
    .flatMap(({ head, templateSpans }) => {
      const [first, second] = templateSpans;
      if (
        head.text !== '' ||
        first === undefined ||
        !/^((this|info)\.)?prefix$/.test(first.expression.getText())
      )
        return [];
      return [`${first.literal.text}${second === undefined ? '' : '<…>'}`];
    });
  return [...new Set(keys)].sort();
}

import type { Command, Option } from 'commander';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createProgram } from '../../src/cli';
import { examplesOf } from '../../src/cli/examples';
import { FLAGS } from '../../src/cli/options';
import { aligned, cell, code } from './markdown-table';

const OPERATING = path.join(__dirname, '..', '..', 'docs', 'operating.md');

const HEAD = `<!-- Written by "npm run docs", not by hand. -->

# Commands

Every command with its arguments and options, as \`vsync COMMAND --help\` prints them. What a command does in detail, what it prints and what to do then is in [operating.md](operating.md#commands); its [exit codes](operating.md#exit-codes) are there too.

The [flags](configuration.md#flags) that override the configuration, such as \`--log.level\`, work with every command that reads a configuration file.`;

/** docs/commands.md, from the commands themselves. */
export function commandsPage(): string {
  const { commands } = createProgram();
  const sections = [...commands].sort((a, b) => (a.name() < b.name() ? -1 : 1)).map(section);
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}

function section(command: Command): string {
  const name = command.name();
  const heading = headingWith(`vsync ${name}`);
  const more = heading === undefined ? '' : ` [More](operating.md#${anchor(heading)}).`;
  const given = [
    ...command.registeredArguments.map((one) => [
      code(one.required ? `<${one.name()}>` : `[${one.name()}]`),
      meaning(one),
    ]),
    ...command.options.filter(isShown).map((option) => [code(option.flags), meaning(option)]),
  ];
  const table = given.length === 0 ? [] : [aligned([['option', 'meaning'], ...given])];
  const examples = ['```', ...examplesOf(name), '```'].join('\n');
  return [`## vsync ${name}`, `${sentence(command.description())}${more}`, ...table, examples].join('\n\n');
}

function isShown({ hidden, long }: Option): boolean {
  return !hidden && !FLAGS.some(([key]) => long === `--${key}`);
}

function meaning({
  description,
  argChoices,
}: {
  description: string;
  argChoices?: string[] | undefined;
}): string {
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
  return cell(description + choices);
}

/** The heading of operating.md about a command; it may be about several. */
function headingWith(command: string): string | undefined {
  const headings = [...readFileSync(OPERATING, 'utf8').matchAll(/^### (.*)$/gm)].map(([, text = '']) => text);
  return headings.find((text) => text.split(', ').includes(command));
}

function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(',', '').replaceAll(' ', '-');
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?]$/.test(whole) ? whole : `${whole}.`;
}

import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The completion of a shell for these commands and their options, from commander's own tree. */
export function completionScript(program: Command, shell: Shell): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](program);
}

const optionNames = ({ options }: Command): string[] =>
  [...options.flatMap(({ short, long }) => [short, long]), '--help'].filter((name) => name !== undefined);

const commandNames = ({ commands }: Command): string[] => commands.map((command) => command.name());

/** Words that an argument of the command may be. */
const choicesOf = (command: Command): string[] =>
  command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);

/** A branch of a shell's `case` for each command: the words that may follow. */
function branches(program: Command, indent: string): string {
  return program.commands
    .map(
      (command) =>
        `${indent}${command.name()}) words='${[...choicesOf(command), ...optionNames(command)].join(' ')}' ;;`,
    )
    .join('\n');
}

function bashScript(program: Command): string {
  const names = commandNames(program);
  return `# vsync: completion for bash. Use it with: source <(vsync completion bash)
_vsync() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      ${names.join('|')}) command="$word"; break ;;
    esac
  done
  case "$prev" in
    -c|--config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --role) COMPREPLY=($(compgen -W 'origin destination' -- "$cur")); return ;;
  esac
  case "$command" in
${branches(program, '    ')}
    *) words='${[...names, '--help', '--version'].join(' ')}' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _vsync vsync
`;
}

function zshScript(program: Command): string {
  const names = commandNames(program);
  return `#compdef vsync
# vsync: completion for zsh. Use it with: vsync completion zsh > "\${fpath[1]}/_vsync"
_vsync() {
  local command='' words_='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in
      ${names.join('|')}) command="$word"; break ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
    -c|--config) _files; return ;;
    --role) compadd origin destination; return ;;
  esac
  case "$command" in
${branches(program, '    ').replaceAll("words='", "words_='")}
    *) words_='${[...names, '--help', '--version'].join(' ')}' ;;
  esac
  compadd -- \${=words_}
}
if [ "$funcstack[1]" = _vsync ]; then _vsync; else compdef _vsync vsync; fi
`;
}

function fishScript(program: Command): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const ofOption = (command: Command, { short, long, required, argChoices, description }: Option): string => {
    const names = [short && `-s ${short.slice(1)}`, long && `-l ${long.slice(2)}`].filter(Boolean).join(' ');
    const choices = argChoices === undefined ? '' : ` -xa ${quote(argChoices.join(' '))}`;
    const value = choices === '' && required ? ' -r' : choices;
    return `complete -c vsync -n '__fish_seen_subcommand_from ${command.name()}' ${names}${value} -d ${quote(description)}`;
  };
  const lines = program.commands.flatMap((command) => [
    `complete -c vsync -f -n __fish_use_subcommand -a ${command.name()} -d ${quote(command.description())}`,
    ...choicesOf(command).map(
      (choice) => `complete -c vsync -n '__fish_seen_subcommand_from ${command.name()}' -a ${choice}`,
    ),
    ...command.options.map((option) => ofOption(command, option)),
  ]);
  return ['# vsync: completion for fish', ...lines, ''].join('\n');
}

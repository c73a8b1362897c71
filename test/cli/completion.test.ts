import { execFileSync } from 'node:child_process';
import { createProgram } from '../../src/cli';
import { completionScript, SHELLS } from '../../src/cli/completion';

const program = createProgram();

test.each(SHELLS)('the completion for %s has every command and every option', (shell) => {
  const script = completionScript(program, shell);
  for (const command of program.commands) {
    expect(script).toContain(command.name());
    for (const { long } of command.options) {
      const name = long?.slice(2) ?? '';
      expect(script).toContain(shell === 'fish' ? `-l ${name} ` : `--${name}`);
    }
  }
});

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const script = `${completionScript(program, 'bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_vsync; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

test.each([
  [['vsync', 'pl'], ['plan']],
  [
    ['vsync', 'p'],
    ['pause', 'plan', 'prune'],
  ],
  [['vsync', 'trigger', '--w'], ['--wait']],
  [
    ['vsync', 'stop', '--role', ''],
    ['origin', 'destination'],
  ],
  [['vsync', '-c', 'a.json', 'approve', '--s'], ['--set']],
  [['vsync', 'syncer', 'pr'], ['probe']],
])('bash completes %j', (words, expected) => {
  expect(offered(...words)).toEqual(expected);
});

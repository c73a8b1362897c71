import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const GRACE_MS = 5_000;
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a command to its end. When this process is told to end meanwhile, the command is ended first, then
 * `cleanUp` runs, and then this process ends with the usual 128 + signal number.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions & { onLine?: (line: string) => void, cleanUp?: () => void }} options
 *   `onLine` receives each line of the command's stdout and stderr; without it both are shown as they are.
 * @returns {Promise<{ code: number | null, signal: string | null }>} rejects when the command cannot be started.
 */
export function runChild(command, args, { onLine, cleanUp, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...options,
      stdio: onLine === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let endedBy;
    const end = (signal) => {
      if (endedBy !== undefined) return;
      endedBy = signal;
      // SIGINT, because go and npm remove their temporary files on it.
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
    };
    for (const signal of ENDING_SIGNALS) process.on(signal, end);
    const forget = () => {
      for (const signal of ENDING_SIGNALS) process.off(signal, end);
    };
    if (onLine !== undefined) {
      forwardLines(child.stdout, onLine);
      forwardLines(child.stderr, onLine);
    }
    child.once('error', (error) => {
      forget();
      reject(error);
    });
    child.once('close', (code, signal) => {
      forget();
      if (endedBy !== undefined) {
        cleanUp?.();
        process.exit(128 + constants.signals[endedBy]);
      }
      resolve({ code, signal });
    });
  });
}

function forwardLines(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

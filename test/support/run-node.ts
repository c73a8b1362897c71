import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(__dirname, '..', '..');

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a script with the same node as the tests and with no environment except `env`. */
export function runNode(args: readonly string[], env: NodeJS.ProcessEnv, cwd = ROOT): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const result: Result = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (result.stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (result.stderr += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ ...result, code });
    });
  });
}

/** Writes an executable that runs the given JavaScript. */
export function writeExecutable(file: string, javascript: string): string {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `#!${process.execPath}\n${javascript}\n`, { mode: 0o755 });
  return file;
}

/** A new folder, without symbolic links in its path. */
export function makeTempFolder(): string {
  return fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-scripts-')));
}

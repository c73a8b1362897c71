/**
 * Runs one command and ends it when the process that started this one is gone, however it went: the channel
 * between the two closes even after a kill -9. Plain Node, because it starts faster so and outlives its
 * TypeScript parent.
 *
 *   node watchdog.mjs '{"command": "...", "args": ["..."], "graceMs": 10000, "removeIfOrphaned": "..."}'
 *
 * To the parent: { type: 'started', pid }, { type: 'failed', message }, { type: 'exited', code, signal }.
 * From the parent: { type: 'stop', signal }.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const { command, args, graceMs, removeIfOrphaned } = JSON.parse(process.argv[2]);

const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
let ending = false;

function end(signal) {
  child.kill(signal);
  if (ending) return;
  ending = true;
  setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
}

function tell(message) {
  // The parent may have ended in this instant.
  if (process.connected) process.send(message, () => undefined);
}

child.once('spawn', () => tell({ type: 'started', pid: child.pid }));
child.once('error', (error) => {
  tell({ type: 'failed', message: error.message });
  process.exitCode = 1;
  if (process.connected) process.disconnect();
});
child.once('exit', (code, signal) => {
  tell({ type: 'exited', code, signal });
  process.exitCode = code ?? 1;
  if (process.connected) process.disconnect();
  else if (removeIfOrphaned !== undefined) rmSync(removeIfOrphaned, { recursive: true, force: true });
});

process.on('message', (message) => {
  if (message.type === 'stop') end(message.signal);
});
process.on('disconnect', () => end('SIGTERM'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end('SIGTERM'));

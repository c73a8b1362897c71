import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const HEARTBEAT_MS = 2_000;
const POLL_MS = 250;
const TELL_EVERY_MS = 10_000;
/**
 * A holder renews its lock every 2 s; one this old belongs to a machine that went away, or to another boot.
 */
const STALE_AFTER_MS = 60_000;

/**
 * Runs `work` while holding the lock file. Another process's lock is waited for; a lock whose holder is gone
 * is taken over. It saves work, nothing more: what the work writes is put in place by rename, so that even
 * two holders at once would not break each other.
 *
 * @template T
 * @param {string} file its folder must exist
 * @param {{ what: string, log: (line: string) => void }} options `what` names the work in messages
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, { what, log }, work) {
  await acquire(file, what, log);
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  const release = () => fs.rmSync(file, { force: true });
  // Also when a signal ends the process in the middle of the work (see runChild).
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.off('exit', release);
    release();
  }
}

async function acquire(file, what, log) {
  const started = Date.now();
  // A wait of less than a second is not worth a line.
  let toldAt = started - TELL_EVERY_MS + 1_000;
  for (;;) {
    if (tryCreate(file)) return;
    const holder = readHolder(file);
    if (holder !== undefined && isStale(holder)) {
      takeAway(file);
    } else if (Date.now() - toldAt >= TELL_EVERY_MS) {
      toldAt = Date.now();
      const waited = Math.round((toldAt - started) / 1000);
      log(
        `${what}: another process (${holder?.pid ?? 'unknown'}) does this now; waiting for it (${waited} s)`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function tryCreate(file) {
  try {
    fs.writeFileSync(file, JSON.stringify({ pid: process.pid, host: os.hostname() }), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file) {
  try {
    const renewedAt = fs.statSync(file).mtimeMs;
    const text = fs.readFileSync(file, 'utf8');
    // Empty for an instant, between its creation and its first write.
    return { renewedAt, ...(text === '' ? {} : JSON.parse(text)) };
  } catch {
    return undefined;
  }
}

function isStale(holder) {
  if (Date.now() - holder.renewedAt > STALE_AFTER_MS) return true;
  return holder.host === os.hostname() && !isAlive(holder.pid);
}

/** Whether a process of this machine with that id exists (also when it belongs to someone else). */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Removes a stale lock. Under a guard, so that of two who saw it stale the second removes no fresh lock. */
function takeAway(file) {
  const guard = path.join(path.dirname(file), `.${path.basename(file)}.takeover`);
  try {
    fs.mkdirSync(guard);
  } catch {
    const age = Date.now() - (fs.statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > STALE_AFTER_MS) fs.rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder !== undefined && isStale(holder)) fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}

function touch(file) {
  const now = new Date();
  try {
    fs.utimesSync(file, now, now);
  } catch {
    // Someone removed the lock by hand; the work goes on, see withLock.
  }
}

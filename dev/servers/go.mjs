import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Problem } from '../shared/command.mjs';
import { moduleFolder } from './server-list.mjs';

const OTHER_WAY =
  'Or install the servers themselves: temporal, consul and vault are used from PATH if they are there.';

/**
 * The environment in which go runs: the user's, except for what would change which sources are built.
 * GOTOOLCHAIN=local, because the go that is there must do: fetching another one can fail, and is checked
 * before.
 */
export function goEnvironment(env = process.env) {
  // Without HOME go has no place for its caches.
  const result = {
    ...env,
    HOME: env.HOME || os.homedir(),
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    GO111MODULE: 'on',
  };
  // The servers run here, whatever else the user builds for.
  delete result.GOOS;
  delete result.GOARCH;
  return result;
}

/**
 * Checks that go is there and new enough for the given servers' go.mod files.
 *
 * @param {string[]} names the servers that have to be built
 * @throws {Problem} with what to install
 */
export function checkGo(names, env = process.env) {
  const needed = names.map(neededGo).reduce((a, b) => (isAtLeast(a, b) ? a : b));
  const install = `Install Go ${needed} or newer (https://go.dev/doc/install) and run the command again.`;
  const found = goVersion(env);
  if (found === undefined) {
    throw new Problem(
      `Go is needed to build ${names.join(', ')}, and no working "go" is on PATH.\n${install}\n${OTHER_WAY}`,
    );
  }
  if (!isAtLeast(found, needed)) {
    throw new Problem(
      `Go ${found} on PATH is too old to build ${names.join(', ')}: Go ${needed} is needed.\n${install}\n${OTHER_WAY}`,
    );
  }
}

/** The version in the "go" line of a server's go.mod. */
export function neededGo(name) {
  const file = path.join(moduleFolder(name), 'go.mod');
  const match = /^go (\d[\d.]*)/m.exec(fs.readFileSync(file, 'utf8'));
  if (match === null) throw new Error(`no "go" line in ${file}`);
  return match[1];
}

function goVersion(env) {
  try {
    // In a folder without a go.mod: inside one, an old go does not even print its version.
    const answer = execFileSync('go', ['version'], {
      cwd: os.tmpdir(),
      env: goEnvironment(env),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return /\bgo(\d+(?:\.\d+)*)/.exec(answer.replace(/^go version/, ''))?.[1];
  } catch {
    return undefined;
  }
}

function isAtLeast(version, needed) {
  const [a, b] = [version, needed].map((text) => text.split('.').map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../shared/command.mjs';

const FOLDER = path.join(ROOT, 'dev', 'servers');

/** In the order in which they are built: the quickest first, so that a broken set-up shows early. */
export const SERVER_NAMES = ['temporal', 'vault', 'consul'];

/** What only the tests of Syncer need besides nginx: a Kubernetes API without a cluster, and helm for the chart. */
export const SYNCER_SERVER_NAMES = ['etcd', 'kube-apiserver', 'helm'];

/**
 * What is pinned about each server; dev/servers/versions.json is the only place for it.
 *
 * @returns {Record<string, { version: string, module: string, package: string, tags: string[],
 *   linkerFlags: string[], image?: string, buildSeconds: number }>}
 */
export function readVersions() {
  return JSON.parse(fs.readFileSync(path.join(FOLDER, 'versions.json'), 'utf8'));
}

/** The folder with the go.mod from which a server is built. */
export function moduleFolder(name) {
  return path.join(FOLDER, 'modules', name);
}

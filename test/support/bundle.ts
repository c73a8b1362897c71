import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundleWorkflows } from '../../src/worker/bundle-workflows';

/** Environment variable with the bundle that the global set-up made. */
const VARIABLE = 'VSYNC_TEST_WORKFLOW_BUNDLE';

/** Bundles the workflows of src, once for all kinds of tests. */
export async function makeTestBundle(): Promise<void> {
  if (process.env[VARIABLE] !== undefined) return;
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'vsync-test-bundle-')), 'workflows.js');
  await bundleWorkflows(file);
  process.env[VARIABLE] = file;
}

/** The bundle's file. */
export function testBundle(): string {
  const file = process.env[VARIABLE];
  if (file === undefined) throw new Error('run by jest, whose global set-up bundles the workflows');
  return file;
}

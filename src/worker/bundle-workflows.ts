import { bundleWorkflowCode } from '@temporalio/worker';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Where the build puts the workflows: a worker starts faster with them than by bundling anew. */
export const WORKFLOW_BUNDLE = path.join(__dirname, '..', 'workflow-bundle.js');

/** Bundles the workflows into one file for the sandbox that Temporal's worker runs them in. */
export async function bundleWorkflows(target: string): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve('../workflows'),
    // A worker keeps the source map parsed, and only prints files and lines: without sources and columns it is a fifth.
    webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-cheap-module-source-map' }),
  });
  await writeFile(target, inLatin1(code));
}

/** V8 needs two bytes for each character of a text that Latin-1 lacks a character of: here for some dashes in comments. */
function inLatin1(code: string): string {
  return code.replace(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

if (require.main === module) {
  void bundleWorkflows(WORKFLOW_BUNDLE);
}

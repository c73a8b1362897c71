import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundleWorkflows } from '../../src/worker/bundle-workflows';

test('the bundle of the workflows knows files and lines, and does not carry their sources', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bundle-'));
  try {
    const file = path.join(folder, 'workflows.js');
    await bundleWorkflows(file);
    const [, base64 = ''] = readFileSync(file, 'utf8').split(/\/\/# sourceMappingURL=data:[^,]*,/);
    const map = JSON.parse(Buffer.from(base64, 'base64').toString()) as Record<string, unknown>;
    expect(map['sources']).toContainEqual(expect.stringMatching(/src\/workflows\/origin-cycle\.ts$/));
    expect(map['mappings']).not.toBe('');
    expect(map).not.toHaveProperty('sourcesContent');
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundleWorkflows } from '../../src/worker/bundle-workflows';

test('the bundle of the workflows knows files and lines, and carries neither sources nor columns', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bundle-'));
  try {
    const file = path.join(folder, 'workflows.js');
    await bundleWorkflows(file);
    const code = readFileSync(file, 'utf8');
    // One byte for each character in V8.
    expect(code).toMatch(/^[\0-\xff]*$/);
    const [, base64 = ''] = code.split(/\/\/# sourceMappingURL=data:[^,]*,/);
    const map = JSON.parse(Buffer.from(base64, 'base64').toString()) as Record<string, unknown>;
    expect(map['sources']).toContainEqual(expect.stringMatching(/src\/workflows\/origin-cycle\.ts$/));
    expect(map['mappings']).not.toBe('');
    // A line of the bundle has no more than the place of its beginning.
    expect(map['mappings']).not.toContain(',');
    expect(map).not.toHaveProperty('sourcesContent');
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

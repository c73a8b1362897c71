import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER = path.join(__dirname, 'golden');

/**
 * Compares a text with test/cli/golden/NAME. After an intended change:
 * VSYNC_TEST_WRITE_GOLDEN=1 npx jest --selectProjects unit -- test/cli
 */
export function expectGolden(name: string, text: string): void {
  const file = path.join(FOLDER, name);
  if (process.env['VSYNC_TEST_WRITE_GOLDEN'] === '1') writeFileSync(file, `${text}\n`);
  expect(`${text}\n`).toBe(readFileSync(file, 'utf8'));
}

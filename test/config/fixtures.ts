import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../src/config/errors';

/** All secrets in the tests begin with it; no message may hold it. */
export const SECRET = 'hvs.CAESIJ';

/** A section with all that is required. */
export function section(overrides: object = {}): Record<string, unknown> {
  return {
    vault: { address: 'https://vault.example.com:8200', token: `${SECRET}-token` },
    consul: { address: 'consul.example.com:8500' },
    mounts: ['secret/'],
    ...overrides,
  };
}

const folders: string[] = [];

/** Writes a file into a folder of its own and returns its path. Objects become JSON. */
export function configFile(content: object | string | Buffer, name = 'config.json'): string {
  const folder = mkdtempSync(join(tmpdir(), 'vsync-config-'));
  folders.push(folder);
  const file = join(folder, name);
  const text = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  writeFileSync(file, text);
  return file;
}

/** To be called after all tests of a file. */
export function removeConfigFiles(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

/** The lines of the ConfigError that is thrown, each a problem, without the file's folder. */
export function problemsOf(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toContain('CAES');
    expect(error.stack).not.toContain('CAES');
    const [heading = '', ...lines] = error.message.split('\n');
    expect(heading).toMatch(/^the configuration has (a problem|\d+ problems):$/);
    expect(lines).toHaveLength(error.problems.length);
    return lines.map((line) => line.replace(/^ {2}- /, '').replace(/file \S*\//, 'file '));
  }
  throw new Error('was not refused');
}

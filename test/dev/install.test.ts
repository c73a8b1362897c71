import fs from 'node:fs';
import path from 'node:path';

/** README's instructions for an install. `npm run try-package` shows that the package can be installed and runs. */

const ROOT = path.join(__dirname, '..', '..');
const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8');
const packageJson = JSON.parse(read('package.json')) as { version: string; engines: { node: string } };
const versions = JSON.parse(read('dev/servers/versions.json')) as Record<string, { version: string }>;
const RELEASES = 'node_modules/@temporalio/core-bridge/releases';

/** Cells of a row of the table of supported versions. */
function row(what: string): string[] {
  const line = read('README.md')
    .split('\n')
    .find((text) => new RegExp(`^\\| ${what} +\\|`).test(text));
  return (line ?? '').split('|').map((cell) => cell.trim());
}

/** "1.21.2" is of "1.21 and later". */
const minor = (version: string): string => version.split('.').slice(0, 2).join('.');

describe('the table of supported versions in README', () => {
  test.each([
    ['Consul', versions['consul']?.version ?? ''],
    ['Vault', versions['vault']?.version ?? ''],
  ])('names the %s that the tests run on', (what, version) => {
    const [, , supported, tested] = row(what);
    expect(supported).toContain(`${minor(version)} and later`);
    expect(tested).toBe(version);
  });

  test('names the Temporal that the tests run on, and its server', () => {
    const [, server = ''] =
      /go\.temporal\.io\/server v(\S+)/.exec(read('dev/servers/modules/temporal/go.mod')) ?? [];
    const [, , supported, tested] = row('Temporal');
    expect(supported).toBe(`server ${minor(server)} and later`);
    expect(tested).toBe(`server ${server} (CLI ${versions['temporal']?.version ?? ''})`);
  });

  test('names the Node.js of package.json, and the tests run on one that is supported', () => {
    const [, , supported, tested] = row('Node\\.js');
    expect(`>=${(supported ?? '').replace(' and later', '')}`).toBe(packageJson.engines.node);
    const [major = 0, minorOfNode = 0] = process.versions.node.split('.').map(Number);
    const [neededMajor = 0, neededMinor = 0] = packageJson.engines.node.slice(2).split('.').map(Number);
    expect(major > neededMajor || (major === neededMajor && minorOfNode >= neededMinor)).toBe(true);
    expect(Number(tested)).toBeGreaterThanOrEqual(neededMajor);
  });

  test('names the OpenBao of docs and tests', () => {
    const [, , supported, tested = ''] = row('OpenBao');
    expect(supported).toContain(`${minor(/^[\d.]+/.exec(tested)?.[0] ?? '')} and later`);
  });

  test('names the package with its version', () => {
    expect(read('README.md')).toContain(`tar -xzf vsync-${packageJson.version}.tgz`);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  test('keeps the native library of its platform, under the name that the package gives it', () => {
    expect(dockerfile).toContain('! -name "$(uname -m)-unknown-linux-gnu"');
    const names = fs.readdirSync(path.join(ROOT, RELEASES));
    // The output of uname -m on the platforms of the image.
    for (const machine of ['x86_64', 'aarch64']) expect(names).toContain(`${machine}-unknown-linux-gnu`);
    expect(dockerfile).toContain(`cd ${RELEASES} `);
  });

  test('has a Node.js that package.json supports, with the C library that Temporal needs', () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(images)).toEqual(new Set(['node:20-slim']));
    expect(packageJson.engines.node).toMatch(/^>=20\./);
  });
});

test('the lock file names no registry', () => {
  expect(read('package-lock.json')).not.toMatch(/"resolved"|https?:\/\/[^"]*registry/);
});

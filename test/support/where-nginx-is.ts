import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './run-node';

/** `describe`, skipped with a loud line where nginx with its Lua module cannot be had. */
export const describeWithNginx: jest.Describe = hasNginx() ? describe : skipped();

function hasNginx(): boolean {
  const script = path.join(ROOT, 'dev', 'servers', 'servers.mjs');
  const flags = ['--json', '--no-build', '--syncer'];
  const found = JSON.parse(
    execFileSync(process.execPath, [script, ...flags], { encoding: 'utf8' }),
  ) as object;
  return 'nginx' in found;
}

function skipped(): jest.Describe {
  process.stderr.write(
    '\nSKIPPED: nginx with its Lua module is missing; run: npm run servers -- --syncer\n\n',
  );
  return describe.skip;
}

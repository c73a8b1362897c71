import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './run-node';

/** `describe`, skipped with a loud line where nginx with its Lua module cannot be had. */
export const describeWithNginx: jest.Describe = hasNginx() ? describe : skipped();

function hasNginx(): boolean {
  const script = path.join(ROOT, 'dev', 'servers', 'nginx.mjs');
  return execFileSync(process.execPath, [script], { encoding: 'utf8' }).trim() !== 'null';
}

function skipped(): jest.Describe {
  process.stderr.write(
    '\nSKIPPED: nginx with its Lua module is missing; run: npm run servers -- --syncer\n\n',
  );
  return describe.skip;
}

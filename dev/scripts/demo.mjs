/**
 * `npm run demo`: sets the checkout up, then runs dev/demo/demo.ts in this same process, so that Ctrl-C and
 * signals reach it directly. Plain Node: it runs before any npm package is installed.
 */
import { createRequire } from 'node:module';
import { readFlags, runMain } from '../shared/command.mjs';
import { ensureNginx } from '../servers/nginx.mjs';
import { setup } from './setup.mjs';

const HELP = `Usage: npm run demo -- [--once] [--compose | --syncer]

Starts Temporal, Consul, one origin Vault and two destination Vaults on free ports, writes 300 secrets to the origin,
runs vsync, and shows how they arrive; then changes, adds and deletes a secret and shows how long each takes. It
stays until Ctrl-C and leaves nothing running.

  --once     end after the last step: exit code 0 if everything arrived
  --compose  use the servers of docker-compose.yml, which must be up (docker compose up -d --wait), instead of
             starting any
  --syncer   the second act: three nginx instances, Syncer, a token that arrives late, and the verdicts
  --help     show this text`;

async function main() {
  const { flags, exitCode } = readFlags(
    {
      once: { type: 'boolean', default: false },
      compose: { type: 'boolean', default: false },
      syncer: { type: 'boolean', default: false },
    },
    HELP,
  );
  if (flags === undefined) return exitCode;
  if (flags.syncer && flags.compose) {
    console.error(`error: --syncer starts its own servers; leave out --compose\n\n${HELP}`);
    return 2;
  }
  await setup({ servers: !flags.compose && !flags.syncer });
  if (flags.syncer) await ensureNginx({ log: console.log });
  // Only now: it may just have been installed.
  const tsx = await import('tsx/cjs/api');
  tsx.register();
  const require = createRequire(import.meta.url);
  if (flags.syncer) return require('../demo/syncer.ts').runSyncerDemo({ once: flags.once });
  const { runDemo } = require('../demo/demo.ts');
  return runDemo({ once: flags.once, compose: flags.compose });
}

await runMain(import.meta.url, main);

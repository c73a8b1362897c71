/**
 * `npm run demo`: sets the checkout up, then runs dev/demo/demo.ts in this same process, so that Ctrl-C and
 * signals reach it directly. Plain Node: it runs before any npm package is installed.
 */
import { createRequire } from 'node:module';
import { Problem, readFlags, runMain } from '../shared/command.mjs';
import { onPath } from '../servers/lookup.mjs';
import { ensureNginx } from '../servers/nginx.mjs';
import { setup } from './setup.mjs';

const HELP = `Usage: npm run demo -- [--once] [--servers vault|openbao | --compose | --syncer]

Starts Temporal, Consul, one origin Vault and two destination Vaults on free ports, writes 300 secrets to the origin,
runs vsync, and shows how they arrive; then changes, adds and deletes a secret and shows how long each takes. It
stays until Ctrl-C and leaves nothing running.

  --once     end after the last step: exit code 0 if everything arrived
  --servers  openbao: three OpenBaos instead of the Vaults; the command "bao" must be on PATH, it is not built here
  --compose  use the servers of docker-compose.yml, which must be up (docker compose up -d --wait), instead of
             starting any
  --syncer   the second act: three nginx instances, Syncer, a token that arrives late, and the verdicts
  --help     show this text`;

async function main() {
  const { flags, exitCode } = readFlags(
    {
      once: { type: 'boolean', default: false },
      servers: { type: 'string' },
      compose: { type: 'boolean', default: false },
      syncer: { type: 'boolean', default: false },
    },
    HELP,
  );
  if (flags === undefined) return exitCode;
  const problem = problemOf(flags);
  if (problem !== undefined) {
    console.error(`error: ${problem}\n\n${HELP}`);
    return 2;
  }
  const openbao = flags.servers === 'openbao';
  if (openbao) useOpenBao();
  await setup({ servers: !flags.compose && !flags.syncer, openbao });
  if (flags.syncer) await ensureNginx({ log: console.log });
  // Only now: it may just have been installed.
  const tsx = await import('tsx/cjs/api');
  tsx.register();
  const require = createRequire(import.meta.url);
  if (flags.syncer) return require('../demo/syncer.ts').runSyncerDemo({ once: flags.once });
  const { runDemo } = require('../demo/demo.ts');
  return runDemo({ once: flags.once, compose: flags.compose });
}

function problemOf({ syncer, compose, servers }) {
  if (syncer && compose) return '--syncer starts its own servers; leave out --compose';
  if (servers === undefined) return undefined;
  if (!['vault', 'openbao'].includes(servers)) return '--servers must be "vault" or "openbao"';
  if (compose) return '--compose uses the servers of docker-compose.yml; leave out --servers';
  return syncer ? '--syncer starts no Vault; leave out --servers' : undefined;
}

/** As for tests on OpenBao: what this process starts as a Vault is one. */
function useOpenBao() {
  const [bao] = onPath('bao', process.env);
  if (bao === undefined) {
    throw new Problem(
      'there is no "bao" on PATH, which --servers openbao needs. Install OpenBao 2.6 or later (https://openbao.org/downloads), ' +
        'or add the folder of its command to PATH, and run the demo again.',
    );
  }
  process.env.VSYNC_TEST_VAULT = 'bao';
  process.env.VSYNC_TEST_BAO = bao;
}

await runMain(import.meta.url, main);

import { readFileSync } from 'node:fs';
import { listenOf } from '../../config/listen';
import { UsageError, UserError } from '../../errors';
import { interruptible } from '../interruptible';
import { loadWithWarnings, type Options } from '../options';
import { createUiServer, LOOPBACK } from './server';
import { SharedStatus } from './shared-status';

const DEFAULT_LISTEN = '127.0.0.1:8230';

/** `vsync ui`: a page with the status of any number of syncs, until SIGTERM. */
export async function runUi(options: Options): Promise<void> {
  const listen = (options['listen'] as string | undefined) ?? DEFAULT_LISTEN;
  const { host, port } = listenOf(listen);
  const token = readToken(options['tokenFile'] as string | undefined);
  if (token === undefined && !LOOPBACK.has(host))
    throw new UsageError(
      `--listen ${listen}: other machines could read the page. Give --token-file FILE, or listen on 127.0.0.1`,
    );
  const files = options['config'] as string[];
  const syncs = files.map((file) => {
    const { config } = loadWithWarnings({ ...options, config: undefined }, undefined, file);
    return new SharedStatus(config, file);
  });
  const app = createUiServer({
    host,
    token,
    temporalUi: options['temporalUi'] as string | undefined,
    read: () => Promise.all(syncs.map((sync) => sync.read())),
  });
  try {
    await begin(() => app.listen({ host, port }), listen);
    console.error(`vsync: status page on http://${listen}`);
    await interruptible((signal) => aborted(signal));
  } finally {
    await app.close();
    await Promise.all(syncs.map((sync) => sync.close()));
  }
}

async function begin(work: () => Promise<unknown>, listen: string): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new UserError(`cannot listen on ${listen} (${code}); give a free address with --listen`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** The first line of the file. */
function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(
      `--token-file: cannot read ${file} (${String((error as NodeJS.ErrnoException).code)})`,
    );
  }
  const token = text.split('\n')[0]?.trim() ?? '';
  if (token.length < 16)
    throw new UsageError(`--token-file: ${file} must begin with a token of at least 16 characters`);
  return token;
}

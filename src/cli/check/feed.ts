import net from 'node:net';
import { z } from 'zod';
import { check, type Check, type CheckResult } from '../../access/check-line';
import type { FeedConfig } from '../../config/feed';
import type { Config } from '../../config/schema';
import { UserError } from '../../errors';
import { listenOnce, textOf, type Listen } from '../../network/listening';
import { parseDuration } from '../../rules/time';
import type { VaultClient } from '../../vault/client';
import { VaultError } from '../../vault/errors';

/** Whether a worker of this origin could listen on this machine. */
export function checkFeedListeners(config: Config): Promise<Check[]> {
  const feed = config.role === 'origin' ? config.origin.feed : undefined;
  const listens = [
    ['origin.feed.socket.listen', feed?.socket?.listen],
    ['origin.feed.http.listen', feed?.http?.listen],
  ] as const;
  return Promise.all(
    listens.flatMap(([key, listen]) =>
      listen === undefined ? [] : [check(`feed: listener ${key}`, () => listenerFinding(listen))],
    ),
  );
}

async function listenerFinding(listen: Listen): Promise<CheckResult> {
  const server = net.createServer();
  const failure = await listenOnce(server, listen);
  if (failure === undefined) {
    await new Promise((resolve) => server.close(resolve));
    return { detail: `${textOf(listen)} is free on this machine` };
  }
  if (failure.code === 'EADDRINUSE') {
    const detail = `another process listens on ${textOf(listen)}; that is right if it is a worker of this origin`;
    return { outcome: 'warning', detail };
  }
  throw new UserError(
    `cannot listen on ${textOf(listen)} (${failure.code ?? failure.name}); run the check where the worker runs, or give an ` +
      'address of this machine and a port that this user may use',
  );
}

/** One audit device. Its options may hold a token: they are compared, never shown. */
interface Device {
  /** "vsync/" */
  name: string;
  type: string;
  options: Readonly<Record<string, string>>;
}

const DevicesBody = z
  .object({
    data: z.record(
      z.string(),
      z.object({ type: z.string(), options: z.record(z.string(), z.string()).nullish() }),
    ),
  })
  .transform(({ data }): Device[] =>
    Object.entries(data).map(([name, { type, options }]) => ({ name, type, options: options ?? {} })),
  );

/** Whether the audit devices of the Vault are set up for the feed, and put the Vault at no risk. */
export async function checkAuditDevices(
  client: VaultClient,
  feed: FeedConfig,
  signal?: AbortSignal,
): Promise<Check[]> {
  if (feed.socket === undefined && feed.http === undefined) return [];
  const finding = async (): Promise<CheckResult> => {
    // Devices exist in the root namespace only.
    const read = client.read('sys/audit', DevicesBody, { signal, namespace: '' });
    const devices = await read.catch((error: unknown) => {
      if (error instanceof VaultError) return undefined;
      throw error;
    });
    return devices === undefined ? NOT_READABLE : devicesFinding(devices, feed);
  };
  return [await check('feed: audit devices', finding)];
}

const NOT_READABLE: CheckResult = {
  outcome: 'warning',
  detail:
    'the token cannot read sys/audit (that needs sudo), so the devices were not checked; check with "vault audit list ' +
    '-detailed" (at an OpenBao "bao audit list -detailed") that the device of the feed is not the only one, and that its ' +
    'write_timeout is 100ms if it is of type socket',
};

/** Pure; for tests. */
export function devicesFinding(devices: readonly Device[], feed: FeedConfig): CheckResult {
  const own = devicesOf(devices, feed);
  if (own.length === 0) {
    const type = feed.socket === undefined ? 'http' : 'socket';
    const detail = `no device of type ${type} sends audit lines here; set one up as docs/feed.md describes`;
    return { outcome: 'warning', detail };
  }
  const names = own.map(({ name }) => name).join(', ');
  const others = devices.length - own.length;
  const warnings = own.flatMap(warningsOf);
  if (others === 0) {
    warnings.unshift(
      `${names} alone takes the audit log: while no listener reads it, every request to the Vault waits or fails; add a ` +
        'device that always works, such as a file',
    );
  }
  if (warnings.length > 0) return { outcome: 'warning', detail: warnings.join('; ') };
  return { detail: `${names} sends audit lines here, and ${others} more can take them` };
}

/** Those that send to the port of the feed. With a load balancer or a forwarder in between, all of the type. */
function devicesOf(devices: readonly Device[], { socket, http }: FeedConfig): Device[] {
  const ways = [
    { type: 'socket', listen: socket?.listen, option: 'address' },
    { type: 'http', listen: http?.listen, option: 'uri' },
  ];
  return ways.flatMap(({ type, listen, option }) => {
    if (listen === undefined) return [];
    const ofType = devices.filter((device) => device.type === type);
    const sendsHere = new RegExp(`:${listen.port}(?:/|$)`);
    const here = ofType.filter(({ options }) => sendsHere.test(options[option] ?? ''));
    return here.length > 0 ? here : ofType;
  });
}

const LONGEST_WRITE_TIMEOUT_MS = 1_000;

function warningsOf({ name, type, options }: Device): string[] {
  const timeoutMs = writeTimeoutMs(options['write_timeout']);
  const isSlow = type === 'socket' && (timeoutMs === undefined || timeoutMs > LONGEST_WRITE_TIMEOUT_MS);
  const isRaw = /^(?:1|t|true)$/i.test(options['log_raw'] ?? '');
  const warnings: string[] = [];
  if (isSlow) {
    const has =
      timeoutMs === undefined
        ? 'no write_timeout, which means 2s'
        : 'a write_timeout of more than 1s (a number without a unit means seconds)';
    warnings.push(
      `${name} has ${has}: requests to the Vault wait that long for a listener that hangs; set the device up again with ` +
        'write_timeout=100ms, as docs/feed.md describes',
    );
  }
  if (isRaw) {
    warnings.push(
      `${name} has log_raw: its lines hold every value in plain; set the device up again without it, as docs/feed.md ` +
        'describes',
    );
  }
  return warnings;
}

/** As Vault reads it: a number without a unit means seconds. Undefined if it is not set, or not readable. */
function writeTimeoutMs(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

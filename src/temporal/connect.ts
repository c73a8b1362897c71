import { Client, Connection, isGrpcServiceError, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { UserError } from '../errors';
import { diagnose } from './diagnosis';
import type { TemporalTarget } from './target';

/** Connects as a client. @throws UserError that names the address */
export async function connectClient(target: TemporalTarget): Promise<Client> {
  try {
    const connection = await Connection.connect(target.connection);
    return new Client({ connection, namespace: target.namespace });
  } catch (error) {
    throw await unreachable(target, error);
  }
}

const NO_NAMESPACE = /^Namespace .* is not found/;

/**
 * Explains a refusal by Temporal, with its address.
 *
 * @returns the error to throw: a UserError, or the same error if it is about something else
 */
export function explainTemporal({ address, namespace }: TemporalTarget, error: unknown): unknown {
  const refusal = error instanceof ServiceError ? error.cause : error;
  const isGrpc = isGrpcServiceError(refusal);
  // The three clients of the SDK have three errors for it; the server's text is the same.
  const text = isGrpc ? refusal.details : error instanceof Error ? error.message : '';
  if (error instanceof NamespaceNotFoundError || NO_NAMESPACE.test(text)) {
    return new UserError(
      `Temporal ${address}: there is no namespace ${namespace}: correct temporal.namespace, or create it with ` +
        `"temporal operator namespace create ${namespace}"`,
      { cause: error },
    );
  }
  if (!isGrpc) return error;
  return new UserError(`Temporal ${address}: ${explainRefusal(refusal.code, refusal.details)}`, {
    cause: error,
  });
}

/** Runs some work, and explains refusals by Temporal. @throws what {@link explainTemporal} makes of an error */
export async function explained<T>(target: TemporalTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainTemporal(target, error);
  }
}

/** Codes of gRPC with an explanation of their own. */
const status = {
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** @param details the server's own text */
function explainRefusal(code: number, details: string): string {
  const quoted = details === '' ? '' : `: ${details}`;
  switch (code) {
    case status.UNAUTHENTICATED:
      return `it did not accept the identity of vsync (unauthenticated${quoted}); give a valid API key (temporal.apiKeyFile) or client certificate (temporal.tls)`;
    case status.PERMISSION_DENIED:
      return `permission denied${quoted}; check what the API key or the certificate may do in the namespace (temporal.apiKeyFile, temporal.tls, temporal.namespace)`;
    case status.UNIMPLEMENTED:
      return `it does not support the request${quoted}; is this the address of Temporal's frontend, or of a proxy, another server, or an old Temporal?`;
    case status.RESOURCE_EXHAUSTED:
      return `it accepts no more requests now${quoted}; try again, or raise its limits for the namespace`;
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return `it cannot answer now${quoted}; check the server, and any proxy in between`;
    default:
      return `the request failed${quoted === '' ? ` (${code})` : ` (${details})`}; check that it is running, and what temporal.apiKeyFile or temporal.tls may do there`;
  }
}

/** The native client has one error for every failure of the first request: only tonic's text shows the cause. */
const NATIVE_REFUSALS: readonly [words: string, code: number][] = [
  ['does not have valid authentication credentials', status.UNAUTHENTICATED],
  ['does not have permission', status.PERMISSION_DENIED],
  ['Operation is not implemented', status.UNIMPLEMENTED],
];

/**
 * Explains why a connection failed. The text of the clients is left out: it may quote an API key.
 */
export async function unreachable(target: TemporalTarget, error: unknown): Promise<UserError> {
  const explained = explainTemporal(target, error);
  if (explained instanceof UserError) return explained;
  const { address } = target;
  const text = error instanceof Error ? error.message : '';
  const [, code] = NATIVE_REFUSALS.find(([words]) => text.includes(words)) ?? [];
  if (code !== undefined) {
    return new UserError(`Temporal ${address}: ${explainRefusal(code, '')}`, { cause: error });
  }
  const detail = (await diagnose(target)) ?? 'no answer to a first request';
  return new UserError(
    `Temporal ${address}: cannot connect (${detail}). Is it running, and is the address right? It ` +
      'comes from --temporal.address, VSYNC_TEMPORAL_ADDRESS, temporal.address in the file, or TEMPORAL_ADDRESS. ' +
      'To try vsync, start one with: temporal server start-dev',
    { cause: error },
  );
}

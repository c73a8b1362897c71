import { Client, Connection, isGrpcServiceError, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { UserError } from '../errors';
import { describeWay } from './diagnosis';
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
 * Puts Temporal's own refusals into words that name the address.
 *
 * @returns the error to throw: a UserError, or the same error if it is about something else
 */
export function explainTemporal({ address, namespace }: TemporalTarget, error: unknown): unknown {
  const refusal = error instanceof ServiceError ? error.cause : error;
  const isGrpc = isGrpcServiceError(refusal);
  // The three clients of the SDK have three errors for it; the text is the server's own.
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

/** Runs some work, and puts Temporal's own refusals into words. @throws what {@link explainTemporal} makes of an error */
export async function explained<T>(target: TemporalTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainTemporal(target, error);
  }
}

/** Codes of gRPC that have words of their own. */
const status = {
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** @param details the server's own words */
function explainRefusal(code: number, details: string): string {
  const said = details === '' ? '' : `: ${details}`;
  switch (code) {
    case status.UNAUTHENTICATED:
      return `it does not know who asks (unauthenticated${said}); give a valid API key (temporal.apiKeyFile), or the certificate that it wants (temporal.tls)`;
    case status.PERMISSION_DENIED:
      return `permission denied${said}; look at what the API key or the certificate may do in the namespace (temporal.apiKeyFile, temporal.tls, temporal.namespace)`;
    case status.UNIMPLEMENTED:
      return `it does not know the request${said}; is this the address of Temporal's frontend, or a proxy or another server, or a Temporal that is too old?`;
    case status.RESOURCE_EXHAUSTED:
      return `it takes no more requests now${said}; try again, or raise its limits for the namespace`;
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return `it cannot answer now${said}; look at the server, and at any proxy in between`;
    default:
      return `the request failed${said === '' ? ` (${code})` : ` (${details})`}; check that it is running, and what temporal.apiKeyFile or temporal.tls may do there`;
  }
}

/** The native client has one error for all that a first request met: only tonic's words tell. */
const NATIVE_REFUSALS: readonly [words: string, code: number][] = [
  ['does not have valid authentication credentials', status.UNAUTHENTICATED],
  ['does not have permission', status.PERMISSION_DENIED],
  ['Operation is not implemented', status.UNIMPLEMENTED],
];

/**
 * A connection that could not be made. The text of the clients is left out: it says little, and may quote an API key.
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
  const detail = (await describeWay(target)) ?? 'no answer to a first request';
  return new UserError(
    `Temporal ${address}: cannot connect (${detail}). Is it running, and is the address right? It ` +
      'comes from --temporal.address, VSYNC_TEMPORAL_ADDRESS, temporal.address in the file, or TEMPORAL_ADDRESS. ' +
      'For a try: temporal server start-dev',
    { cause: error },
  );
}

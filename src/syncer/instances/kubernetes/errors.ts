import { ExplainedError } from '../../../errors';
import { describeNetworkError, isTlsCode } from '../../../network/explain';

/** The Kubernetes API cannot be asked with the given configuration. */
export class KubernetesError extends ExplainedError {
  override readonly name = 'KubernetesError';
}

/** One kind of request to the API. */
export interface Asked {
  readonly verb: 'list' | 'watch';
  readonly resource: 'pods' | 'replicasets' | 'deployments';
  readonly namespace: string;
}

/**
 * Explains a failed request and what to do. Nothing of the error's own text is kept: that of an illegal header holds the
 * token.
 *
 * @param error of the client library, or an explained one
 */
export function explainFailure(error: unknown, asked: Asked): string {
  if (error instanceof ExplainedError) return error.message;
  const { verb, resource } = asked;
  const { status, code } = partsOf(error);
  if (status !== undefined) return explainStatus(status, asked);
  if (isTimeout(error, code))
    return `no answer in time to ${verb} ${resource}: check the network and the load of the API`;
  if (isTlsCode(code)) {
    return (
      `its certificate is not accepted (${String(code)}): correct certificate-authority in the kubeconfig, or the ` +
      'ca.crt of the service account'
    );
  }
  const known = describeNetworkError(code, { what: 'Kubernetes API', section: 'kubeconfig', tls: true });
  return known ?? `the connection ended (${code ?? 'unknown reason'}) while vsync was to ${verb} ${resource}`;
}

function explainStatus(status: number, { verb, resource, namespace }: Asked): string {
  switch (status) {
    case 401:
      return (
        'it does not accept the token (401): the service account was deleted, its token has expired, or the kubeconfig ' +
        'is of another cluster'
      );
    case 403:
      return (
        `it does not permit "${verb}" on ${resource} in namespace ${namespace} (403): add the verb to the Role of ` +
        'the service account; the chart in deploy/helm/syncer has the whole Role'
      );
    case 404:
      return `it does not know the path of ${resource} (404): is this the address of a Kubernetes API?`;
    case 410:
      return `it no longer has the version that the watch of ${resource} continues from (410)`;
    default:
      return `it answers ${status} to ${verb} ${resource}: see the log of the API`;
  }
}

/** The status of an answer (a list's error has it as code, a watch's as statusCode), or the code of a failed connection. */
function partsOf(error: unknown): { status?: number; code?: string } {
  if (typeof error !== 'object' || error === null) return {};
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const status = [statusCode, code].find((value) => typeof value === 'number');
  if (status !== undefined) return { status };
  return typeof code === 'string' ? { code } : {};
}

/** @returns the HTTP status of an error of the client library, if it has one */
export function statusOf(error: unknown): number | undefined {
  return partsOf(error).status;
}

function isTimeout(error: unknown, code: string | undefined): boolean {
  if (code === 'ETIMEDOUT') return true;
  const { name, type } = (error ?? {}) as { name?: unknown; type?: unknown };
  return name === 'AbortError' || name === 'TimeoutError' || type === 'request-timeout';
}

import { refusal, type Behaviour, type FrontAnswer, type FrontRequest } from './bao-front';

/** Paths that concern the server or a token instead of a mount. */
const NO_MOUNT = /^(?:sys|auth|cubbyhole|identity)\//;
const MOUNT_QUESTION = /^(sys\/(?:internal\/ui\/)?mounts\/)/;
const CAPABILITIES = 'sys/capabilities-self';

/**
 * Gives a free Vault namespaces, as far as vsync uses them. The mount `secret/` of the namespace `A` is the Vault's
 * mount `A/secret/`, so that the path prefix `A/` works like the header, as in OpenBao. A missing namespace is a 404.
 * Not simulated: tokens and policies of a namespace; all of them belong to the root. Needs `healthOfBao()` before it,
 * which keeps sys/health out of namespaces.
 */
export function namespaces(...names: string[]): Behaviour {
  return async (request, pass) => {
    const { 'x-vault-namespace': header = '', ...headers } = request.headers;
    const parts = String(header)
      .split('/')
      .filter((part) => part !== '');
    const namespace = parts.join('/') === 'root' ? '' : parts.join('/');
    if (namespace !== '' && !names.includes(namespace)) return refusal(404, 'namespace not found');
    const prefix = namespace === '' ? '' : `${namespace}/`;
    const answer = await pass(placed({ ...request, headers }, prefix));
    return request.path === CAPABILITIES ? without(prefix, answer) : answer;
  };
}

function placed(request: FrontRequest, prefix: string): FrontRequest {
  const { path, body } = request;
  if (MOUNT_QUESTION.test(path)) return { ...request, path: path.replace(MOUNT_QUESTION, `$1${prefix}`) };
  if (path === CAPABILITIES) {
    const { paths } = JSON.parse(body) as { paths: string[] };
    return { ...request, body: JSON.stringify({ paths: paths.map((one) => prefix + one) }) };
  }
  return NO_MOUNT.test(path) ? request : { ...request, path: prefix + path };
}

function without(prefix: string, answer: FrontAnswer): FrontAnswer {
  return prefix === '' ? answer : { ...answer, body: answer.body.replaceAll(`"${prefix}`, '"') };
}

/** A gateway that puts every request except the health check into one namespace, whatever its header names. */
export function always(namespace: string): Behaviour {
  return (request, pass) =>
    request.path === 'sys/health'
      ? pass(request)
      : pass({ ...request, headers: { ...request.headers, 'x-vault-namespace': namespace } });
}

import { refusal, type Behaviour, type FrontAnswer, type FrontRequest } from './bao-front';

/** What is about the server or a token, and is no path of a mount. */
const NO_MOUNT = /^(?:sys|auth|cubbyhole|identity)\//;
const MOUNT_QUESTION = /^(sys\/(?:internal\/ui\/)?mounts\/)/;
const CAPABILITIES = 'sys/capabilities-self';

/**
 * Gives a free Vault namespaces, as far as vsync meets them: the mount `secret/` of the namespace `A` is the mount
 * `A/secret/` behind the front, so that the path prefix `A/` works like the header, as at OpenBao. A namespace that is
 * not there is a 404. What it does not do: tokens and policies are all of the root. Behind `healthOfBao()`, which keeps
 * sys/health out of namespaces.
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

/** A gateway that puts every request but that for the health into one namespace, whatever it names itself. */
export function always(namespace: string): Behaviour {
  return (request, pass) =>
    request.path === 'sys/health'
      ? pass(request)
      : pass({ ...request, headers: { ...request.headers, 'x-vault-namespace': namespace } });
}

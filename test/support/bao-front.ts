import http from 'node:http';
import type { Server } from 'node:net';
import { asSent, listFront } from '../../dev/shared/list-front';
import { portOf } from '../../dev/shared/sockets';

/**
 * The stand-in for OpenBao: a proxy that makes a real Vault answer as OpenBao 2.6.2 does. It serves machines without
 * OpenBao. Each difference is a behaviour that a test selects:
 * `BaoFront.before(address, movingTimes(), pagedListings({ limit: 3 }))`. Where `bao` is installed,
 * test/integration/bao-front.test.ts compares each behaviour with it. bao-namespaces.ts has more behaviours.
 */

/** A request as a behaviour sees it. The Vault receives the behaviour's changes. */
export interface FrontRequest {
  /** LIST keeps its name, although the Vault receives it as a GET. */
  method: string;
  /** API path as sent: percent-encoded, without `/v1/` and query. */
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export interface FrontAnswer {
  status: number;
  headers: http.OutgoingHttpHeaders;
  body: string;
}

/** Passes the request to the next behaviour, or after the last one to the Vault. */
export type Pass = (request: FrontRequest) => Promise<FrontAnswer>;

/** One difference of OpenBao. It may answer, change the request, or change the answer. */
export type Behaviour = (request: FrontRequest, pass: Pass) => Promise<FrontAnswer>;

export class BaoFront {
  private readonly server: http.Server;
  private readonly front: Server;
  private readonly agent = new http.Agent({ keepAlive: true });

  private constructor(
    private readonly target: string,
    /** The first behaviour sees a request first. A test may change the list while it runs. */
    public behaviours: readonly Behaviour[],
  ) {
    this.server = http.createServer((request, response) => void this.handle(request, response));
    this.front = listFront(() => portOf(this.server));
  }

  static async before(target: string, ...behaviours: Behaviour[]): Promise<BaoFront> {
    const front = new BaoFront(target, behaviours);
    for (const server of [front.server, front.front])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.front)}`;
  }

  async close(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    for (const server of [this.server, this.front]) await new Promise((resolve) => server.close(resolve));
  }

  private async handle(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const { method, url } = asSent(incoming.method ?? '', incoming.url ?? '');
      const [whole = '', query = ''] = url.split('?');
      const { status, headers, body } = await this.chain(0)({
        method,
        path: whole.replace(/^\/v1\//, ''),
        query: new URLSearchParams(query),
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
      response.writeHead(status, { ...headers, ...length });
      response.end(body);
    } catch {
      // The Vault or the client has closed its connection.
      response.destroy();
    }
  }

  private chain(position: number): Pass {
    const behaviour = this.behaviours[position];
    if (behaviour === undefined) return (request) => this.forward(request);
    return (request) => behaviour(request, this.chain(position + 1));
  }

  private forward({ method, path, query, headers, body }: FrontRequest): Promise<FrontAnswer> {
    const asked = new URLSearchParams(query);
    if (method === 'LIST') asked.set('list', 'true');
    const text = asked.toString();
    const url = `${this.target}/v1/${path}${text === '' ? '' : `?${text}`}`;
    const { 'content-length': _, 'transfer-encoding': __, ...sent } = headers;
    const options = {
      method: method === 'LIST' ? 'GET' : method,
      headers: { ...sent, 'content-length': Buffer.byteLength(body) },
      agent: this.agent,
    };
    return new Promise((resolve, reject) => {
      const onward = http.request(url, options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const { 'content-length': _, 'transfer-encoding': __, ...given } = answer.headers;
          resolve({
            status: answer.statusCode ?? 502,
            headers: given,
            body: Buffer.concat(chunks).toString(),
          });
        });
      });
      onward.on('error', reject);
      onward.end(body);
    });
  }
}

/** An answer of the front itself, in OpenBao's form. */
export function refusal(status: number, ...errors: string[]): FrontAnswer {
  return answerOf(status, { errors });
}

export function answerOf(status: number, body: unknown): FrontAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(body)}\n` };
}

/** Parts of a request below `<mount>/<area>/`; undefined for any other request. */
export function kvPath({ path }: FrontRequest): { mount: string; area: string; secret: string } | undefined {
  const [, mount = '', area = '', secret = ''] =
    /^(.+?)\/(data|metadata|detailed-metadata|delete|undelete|destroy|config)(?:\/(.*))?$/.exec(path) ?? [];
  return mount === '' || mount.startsWith('sys/')
    ? undefined
    : { mount, area, secret: decodeURIComponent(secret) };
}

const isWrite = ({ method }: FrontRequest): boolean => ['POST', 'PUT', 'PATCH'].includes(method);
const succeeded = ({ status }: FrontAnswer): boolean => status < 300;

/** Changes the JSON of an answer. Not for answers with a value: numbers pass through float64. */
export function changed(answer: FrontAnswer, change: (body: Record<string, unknown>) => void): FrontAnswer {
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  change(body);
  return { ...answer, body: `${JSON.stringify(body)}\n` };
}

/** OpenBao is recognised by its sys/health, which lacks `enterprise` and is refused within a namespace. */
export function healthOfBao(): Behaviour {
  return async (request, pass) => {
    if (request.path !== 'sys/health') return pass(request);
    if ((request.headers['x-vault-namespace'] ?? '') !== '')
      return refusal(400, 'operation unavailable in namespaces');
    return changed(await pass(request), (body) => {
      delete body['enterprise'];
      body['version'] = '2.6.2';
    });
  };
}

/** `updated_time` changes with every metadata write. In Vault only a data write changes it. */
export function movingTimes(): Behaviour {
  const moved = new Map<string, string>();
  return async (request, pass) => {
    const answer = await pass(request);
    const at = kvPath(request);
    if (at?.area !== 'metadata' || !succeeded(answer)) return answer;
    const key = `${at.mount}/${at.secret}`;
    if (isWrite(request)) moved.set(key, nowOf());
    const time = moved.get(key);
    if (request.method !== 'GET' || time === undefined) return answer;
    return changed(answer, ({ data }) => {
      const metadata = data as { updated_time: string };
      // The time of a later data write wins.
      if (Date.parse(metadata.updated_time) < Date.parse(time)) metadata.updated_time = time;
    });
  };
}

/** The current time with nine digits, as the servers print it. */
function nowOf(): string {
  return new Date().toISOString().replace('Z', '123456Z');
}

export interface Paging {
  /** The `pagination_limit` of the policy; undefined for a token whose policy has none. */
  limit?: number;
  /** The root token, to which no policy applies. */
  rootToken?: string;
  /** Whether the policy's `list_scan_response_keys_filter_path` hides a path from each page. */
  hidden?: (path: string) => boolean;
}

/**
 * Listings in pages. `after` and `limit` are honoured. A plain LIST is cut at the policy's limit with status 200. A
 * larger limit is refused, and the page after the last one is a 404.
 */
export function pagedListings({ limit: most, rootToken, hidden = () => false }: Paging = {}): Behaviour {
  return async (request, pass) => {
    if (request.method !== 'LIST' || kvPath(request)?.area !== 'metadata') return pass(request);
    const isRoot = rootToken !== undefined && request.headers['x-vault-token'] === rootToken;
    const after = request.query.get('after') ?? '';
    const asked = request.query.get('limit');
    const bound = isRoot ? undefined : most;
    let limit: number;
    if (asked === 'max' && !isRoot) limit = bound ?? 0;
    else {
      limit = asked === null ? (bound ?? 0) : Number(asked);
      if (asked !== null && !/^-?\d+$/.test(asked)) {
        if (!isRoot && bound !== undefined)
          return refusal(403, '1 error occurred:\n\t* permission denied\n\n');
        return refusal(
          400,
          `Field validation failed: error converting input for field "limit": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax`,
        );
      }
      if (bound !== undefined && (limit > bound || limit < 0))
        return refusal(403, '1 error occurred:\n\t* permission denied\n\n');
      if (bound !== undefined && limit === 0) limit = bound;
    }
    request.query.delete('after');
    request.query.delete('limit');
    const answer = await pass(request);
    if (!succeeded(answer)) return answer;
    const list = JSON.parse(answer.body) as { data: { keys: string[] } };
    const folder = request.path.replace(/\/?$/, '/');
    const page = list.data.keys
      .filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0)
      .slice(0, limit > 0 ? limit : undefined)
      .filter((key) => !hidden(folder + key));
    return page.length === 0 ? refusal(404) : answerOf(200, { ...list, data: { keys: page } });
  };
}

/**
 * Listings with metadata, in the pages of {@link pagedListings}. The Vault is asked whether the token may `list` there,
 * and for the metadata of each name. As in OpenBao, a folder `foo/` comes with the metadata of the secret `foo`.
 *
 * @param changing whether a secret changes while its folder is read: it has no metadata in the listing then
 */
export function detailedListings({
  changing = () => false,
  ...paging
}: Paging & { changing?: (path: string) => boolean } = {}): Behaviour {
  const inPages = pagedListings(paging);
  return async (request, pass) => {
    if (request.method !== 'LIST' || kvPath(request)?.area !== 'detailed-metadata') return pass(request);
    const allowed = await pass({ ...request, query: new URLSearchParams() });
    if (allowed.status !== 404 || !allowed.body.includes('Invalid path for a versioned')) return allowed;
    const path = request.path.replace('/detailed-metadata', '/metadata');
    const listed = await inPages({ ...request, path, query: new URLSearchParams(request.query) }, pass);
    if (!succeeded(listed)) return listed;
    const { keys } = (JSON.parse(listed.body) as { data: { keys: string[] } }).data;
    const folder = path.replace(/\/?$/, '/');
    const metadataOf = async (key: string): Promise<[string, unknown]> => {
      const place = folder + encodeURIComponent(key.replace(/\/$/, ''));
      const query = new URLSearchParams();
      const found = changing(folder + key)
        ? undefined
        : await pass({ ...request, method: 'GET', path: place, query });
      return [key, found && succeeded(found) ? (JSON.parse(found.body) as { data: unknown }).data : {}];
    };
    const info = Object.fromEntries(await Promise.all(keys.map(metadataOf)));
    return changed(listed, (body) => {
      body['data'] = { keys, key_info: info };
    });
  };
}

/** Mounts and keys whose metadata can be written only with `metadata_cas`: the metadata version that was read. */
export function metadataCas(): Behaviour {
  const versions = new Map<string, number>();
  const required = new Set<string>();
  return async (request, pass) => {
    const at = kvPath(request);
    if (at === undefined) return pass(request);
    const { mount, area, secret } = at;
    const key = `${mount}/${secret}`;
    if (area === 'config' && isWrite(request)) {
      const { metadata_cas_required: demanded, ...rest } = parsed(request.body);
      if (demanded === true) required.add(`${mount}/`);
      if (demanded === false) required.delete(`${mount}/`);
      return pass({ ...request, body: JSON.stringify(rest) });
    }
    if (area === 'config' && request.method === 'GET') {
      return changed(await pass(request), ({ data }) => {
        (data as Record<string, unknown>)['metadata_cas_required'] = required.has(`${mount}/`);
      });
    }
    const answer =
      area === 'metadata' && isWrite(request)
        ? await writeMetadata(request, pass, key, mount)
        : await pass(request);
    if (area === 'metadata' && request.method === 'DELETE' && succeeded(answer)) {
      versions.delete(key);
      required.delete(key);
    }
    if (area !== 'metadata' || request.method !== 'GET' || !succeeded(answer)) return answer;
    return changed(answer, ({ data }) => {
      const metadata = data as Record<string, unknown>;
      metadata['current_metadata_version'] = versions.get(key) ?? 0;
      metadata['metadata_cas_required'] = required.has(key);
    });
  };

  async function writeMetadata(
    request: FrontRequest,
    pass: Pass,
    key: string,
    mount: string,
  ): Promise<FrontAnswer> {
    const { metadata_cas: cas, metadata_cas_required: demanded, ...rest } = parsed(request.body);
    const exists = succeeded(
      await pass({ ...request, method: 'GET', query: new URLSearchParams(), body: '' }),
    );
    const current = versions.get(key) ?? 0;
    if ((required.has(key) || required.has(`${mount}/`)) && cas === undefined)
      return refusal(400, 'metadata check-and-set parameter required for this call');
    if (cas !== undefined && !exists && cas !== 0)
      return refusal(400, 'metadata_cas must be 0 when creating new metadata');
    if (cas !== undefined && exists && cas !== current)
      return refusal(400, 'metadata check-and-set parameter does not match the current version');
    const answer = await pass({ ...request, body: JSON.stringify(rest) });
    if (!succeeded(answer)) return answer;
    versions.set(key, current + 1);
    if (demanded === true) required.add(key);
    if (demanded === false) required.delete(key);
    return answer;
  }
}

/** An agent or proxy with `require_request_header`, as both servers have it. */
export function headerRequired(): Behaviour {
  return async (request, pass) =>
    request.headers['x-vault-request'] === 'true'
      ? pass(request)
      : refusal(412, 'missing "X-Vault-Request" header');
}

function parsed(body: string): Record<string, unknown> {
  return body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
}

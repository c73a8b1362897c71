import http from 'node:http';
import type { Server } from 'node:net';
import { listFront } from './list-front';
import { portOf } from './sockets';

/** What is about the server or a token, and is no path of a mount. */
const NO_MOUNT = /^\/v1\/(?:sys|auth|cubbyhole|identity)\//;
const MOUNT_QUESTION = /^\/v1\/(sys\/(?:internal\/ui\/)?mounts\/)/;

/**
 * Stands in front of a free Vault and gives it namespaces, as far as vsync meets them: the mount `secret/` of the
 * namespace `A` is the mount `A/secret/` behind it, so that the path prefix `A/` works like the header, as at OpenBao.
 * `sys/health` answers 400 to a request with the header, and a namespace that is not there is a 404. What it does not
 * do: tokens and policies are all of the root.
 */
export class NamespaceFront {
  private readonly server: http.Server;
  private readonly front: Server;
  /** Requests that came, as "METHOD /url", with the namespace behind it if they named one. */
  readonly requests: string[] = [];

  private constructor(
    private readonly target: string,
    private readonly namespaces: readonly string[],
  ) {
    this.server = http.createServer((request, response) => void this.handle(request, response));
    this.front = listFront(() => portOf(this.server));
  }

  static async before(target: string, namespaces: readonly string[]): Promise<NamespaceFront> {
    const made = new NamespaceFront(target, namespaces);
    for (const server of [made.server, made.front])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.front)}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    for (const server of [this.server, this.front]) await new Promise((resolve) => server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = '', method = '', headers } = request;
    const { 'x-vault-namespace': given = '', ...others } = headers;
    const header = String(given);
    this.requests.push([method, url, header].filter((part) => part !== '').join(' '));
    const refuse = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [text] }));
    };
    if (header !== '' && url.startsWith('/v1/sys/health')) {
      refuse(400, 'operation unavailable in namespaces');
      return;
    }
    const namespace = header
      .split('/')
      .filter((part) => part !== '')
      .join('/');
    const isRoot = namespace === '' || namespace === 'root';
    if (!isRoot && !this.namespaces.includes(namespace)) {
      refuse(404, 'namespace not found');
      return;
    }
    const prefix = isRoot ? '' : `${namespace}/`;
    const asksCapabilities = url === '/v1/sys/capabilities-self';
    const body = Buffer.concat(chunks);
    const sent = asksCapabilities ? withPrefix(body, prefix) : body;
    const inner = http.request(
      this.target + placed(url, prefix),
      { method, headers: { ...others, 'content-length': sent.length }, agent: false },
      (answer) => {
        void answerOf(answer).then((text) => {
          const { 'transfer-encoding': _, 'content-length': __, ...kept } = answer.headers;
          response.writeHead(answer.statusCode ?? 502, kept);
          response.end(asksCapabilities ? withoutPrefix(text, prefix) : text);
        });
      },
    );
    inner.on('error', () => request.socket.destroy());
    inner.end(sent);
  }
}

function placed(url: string, prefix: string): string {
  if (MOUNT_QUESTION.test(url)) return url.replace(MOUNT_QUESTION, `/v1/$1${prefix}`);
  return NO_MOUNT.test(url) ? url : url.replace('/v1/', `/v1/${prefix}`);
}

function withPrefix(body: Buffer, prefix: string): Buffer {
  const { paths } = JSON.parse(body.toString('utf8')) as { paths: string[] };
  return Buffer.from(JSON.stringify({ paths: paths.map((path) => prefix + path) }));
}

function withoutPrefix(text: string, prefix: string): string {
  return prefix === '' ? text : text.replaceAll(`"${prefix}`, '"');
}

async function answerOf(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

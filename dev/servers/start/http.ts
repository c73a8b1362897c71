const TIMEOUT_MS = 5_000;

export interface Answer {
  status: number;
  /** The parsed body; undefined if it is empty or not JSON. */
  body: unknown;
}

export interface Request {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** For a Vault. */
  token?: string;
  consulToken?: string | undefined;
  body?: unknown;
  timeoutMs?: number;
}

/**
 * One request to the HTTP API of a Vault or a Consul. Every status is an answer.
 *
 * @throws if no answer comes (the message holds the URL, and never the token)
 */
export async function askHttp(url: string, request: Request = {}): Promise<Answer> {
  const { method = 'GET', token, consulToken, body, timeoutMs = TIMEOUT_MS } = request;
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(token === undefined ? {} : { 'X-Vault-Token': token }),
        ...(consulToken === undefined ? {} : { 'X-Consul-Token': consulToken }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, body: parse(await response.text()) };
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : message;
    throw new Error(`${method} ${url} got no answer: ${reason}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

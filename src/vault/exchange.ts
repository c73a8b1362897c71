import type { Dispatcher } from 'undici';
import { onAbort } from './on-abort';

/** An HTTP answer, with its body as text. */
export interface HttpAnswer {
  statusCode: number;
  text: string;
  retryAfter: string | string[] | undefined;
}

/**
 * Sends one request, and collects its answer. With undici's own callbacks: `pool.request` makes a stream, an
 * asynchronous resource and several promises for each body, which is a good part of the CPU time of a scan. See
 * docs/decisions/0007-cpu-and-memory-of-a-worker.md.
 *
 * @throws undici's error, or the signal's reason; it is rejected at once when the signal says so
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let stop: ((reason: Error) => void) | undefined;
    const forget =
      signal &&
      onAbort(signal, (reason) => {
        stop?.(reason);
        reject(reason);
      });
    let statusCode = 0;
    let retryAfter: string | string[] | undefined;
    let chunks: Buffer[] = [];
    dispatcher.dispatch(request, {
      onRequestStart(controller) {
        // Again, if undici found the connection closed before the first byte was sent.
        chunks = [];
        stop = controller.abort.bind(controller);
        if (signal?.aborted === true) stop(signal.reason as Error);
      },
      onResponseStart(_controller, status, headers) {
        statusCode = status;
        retryAfter = headers['retry-after'];
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        forget?.();
        const [first] = chunks;
        const body = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
        resolve({ statusCode, text: body.toString('utf8'), retryAfter });
      },
      onResponseError(_controller, error) {
        forget?.();
        reject(error);
      },
    });
  });
}

import type { Dispatcher } from 'undici';
import { onAbort } from '../concurrency/abort';

/** An HTTP answer, with its body as text. */
export interface HttpAnswer {
  statusCode: number;
  text: string;
  retryAfter: string | string[] | undefined;
}

/** What comes of a request. One of the two is called; `failed` may be called again, which then means nothing. */
export interface Outcome {
  answered: (answer: HttpAnswer) => void;
  /** With undici's error, or the signal's reason. */
  failed: (error: unknown) => void;
}

/**
 * Sends one request, and collects its answer. With undici's own callbacks: `pool.request` makes a stream, an
 * asynchronous resource and several promises for each body, which is a good part of the CPU time of a scan. See
 * docs/decisions/0007-cpu-and-memory-of-a-worker.md. It fails at once when the signal says so.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal | undefined,
  { answered, failed }: Outcome,
): void {
  if (signal?.aborted === true) {
    failed(signal.reason);
    return;
  }
  let stop: ((reason: Error) => void) | undefined;
  const forget =
    signal &&
    onAbort(signal, (reason) => {
      stop?.(reason);
      failed(reason);
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
      answered({ statusCode, text: body.toString('utf8'), retryAfter });
    },
    onResponseError(_controller, error) {
      forget?.();
      failed(error);
    },
  });
}

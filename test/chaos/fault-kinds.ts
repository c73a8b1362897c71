/** What can happen to one request. None of these is a false answer that looks like the real server's. */
export const FAULT_KINDS = [
  'delay',
  'reset',
  'lost',
  'truncated',
  'html',
  'html-404',
  'error-404',
  '403',
  '412',
  '429',
  '500',
  '503',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Number of requests that pass before. */
  readonly skip: number;
}

/** The answer that a proxy gives instead of the server; undefined for faults of the connection. */
export function answerOf(kind: FaultKind): { status: number; type: string; body: string } | undefined {
  const html = '<html><body>Bad gateway</body></html>';
  switch (kind) {
    case 'html':
      return { status: 200, type: 'text/html', body: html };
    case 'html-404':
      return { status: 404, type: 'text/html', body: html };
    case 'error-404':
      return json(404, 'no handler for route');
    case '403':
    case '412':
    case '429':
    case '500':
    case '503':
      return json(Number(kind), 'a fault of the test');
    case 'delay':
    case 'reset':
    case 'lost':
    case 'truncated':
      return undefined;
  }
}

function json(status: number, error: string): { status: number; type: string; body: string } {
  return { status, type: 'application/json', body: JSON.stringify({ errors: [error] }) };
}

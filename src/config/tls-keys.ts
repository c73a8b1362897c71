import type { z } from 'zod';
import { text } from './fields';

const pemFile = (what: string): z.ZodOptional<z.ZodString> =>
  text('the path of a PEM file').optional().describe(what);

/** The keys of a section that say how to connect with TLS. */
export const tlsKeys = {
  caFile: pemFile("PEM file with the certificate authorities to trust instead of the system's"),
  certFile: pemFile('PEM file with the client certificate; needs keyFile'),
  keyFile: pemFile('PEM file with the key of certFile'),
  serverName: text('a host name')
    .optional()
    .describe('expected name in the certificate of the server, if it is not the host of the address'),
};

interface Pair {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** A certificate is no use without its key, nor a key without its certificate. To be given to `superRefine`. */
export function bothOrNone({ certFile, keyFile }: Pair, context: z.core.$RefinementCtx): void {
  if ((certFile === undefined) === (keyFile === undefined)) return;
  const missing = certFile === undefined ? 'certFile' : 'keyFile';
  context.addIssue({
    code: 'custom',
    path: [missing],
    message: 'is missing; give both certFile and keyFile',
  });
}

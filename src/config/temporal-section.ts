import { z } from 'zod';
import { TEMPORAL_ADDRESS_PATTERN, temporalAddress } from './addresses';
import { checkedText, flag, text } from './fields';
import { bothOrNone } from './tls-keys';

const pemFile = (what: string): z.ZodOptional<z.ZodString> =>
  text('the path of a PEM file').optional().describe(what);

const temporalTls = z
  .strictObject({
    caFile: pemFile("certificate authorities to trust instead of the system's"),
    certFile: pemFile('client certificate; needs keyFile'),
    keyFile: pemFile('key of certFile'),
    serverName: text('a host name').optional().describe('expected name in the certificate of the server'),
  })
  .superRefine(bothOrNone);

/** Connection to Temporal. What is not given is left to Temporal's own environment variables and defaults. */
export const temporal = z
  .strictObject({
    address: checkedText(
      'the address of Temporal, such as 127.0.0.1:7233',
      temporalAddress,
      TEMPORAL_ADDRESS_PATTERN,
    )
      .optional()
      .describe('frontend of Temporal, as host:port'),
    namespace: text('a namespace as text').optional().describe('namespace in Temporal'),
    apiKeyFile: text('the path of a file').optional().describe('file with the API key'),
    tls: z
      .union(
        [flag(), temporalTls],
        'must be true, false or a section with caFile, certFile, keyFile or serverName',
      )
      .optional()
      .describe('connect with TLS; a section changes the defaults'),
  })
  .prefault({})
  .describe('connection to Temporal');

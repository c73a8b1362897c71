import openbao from './openbao-2.6.2.json';
import vault from './vault-1.21.2.json';

/**
 * Audit lines of a real Vault 1.21.2 and OpenBao 2.6.2: of each request the lines that its socket device wrote. The values
 * that were written have a text, {@link PLANTED_NUMBERS} and a boolean.
 */
export interface RecordedRequest {
  /** What the request does. The same at both servers. */
  what: string;
  /** Method and path. */
  request: string;
  status: number;
  lines: string[];
}

export const RECORDED: Readonly<Record<'Vault 1.21.2' | 'OpenBao 2.6.2', readonly RecordedRequest[]>> = {
  'Vault 1.21.2': vault,
  'OpenBao 2.6.2': openbao,
};

/** As they stand in the lines: OpenBao has them in each write, Vault in each read. */
export const PLANTED_NUMBERS = ['73190248561', '73190248562', '48213.90571'];

/** All recorded lines of both servers. */
export function allLines(): string[] {
  return Object.values(RECORDED).flatMap((requests) => requests.flatMap(({ lines }) => lines));
}

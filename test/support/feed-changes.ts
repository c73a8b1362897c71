import type { VaultApi } from '../../dev/shared/vault-api';

/** A request of a user, and the hint that has to follow, as "kind path"; undefined for none. */
export interface Step {
  what: string;
  run: (api: VaultApi) => Promise<unknown>;
  hint: string | undefined;
}

/** Numbers that no line, log or store has by chance. */
export const PLANTED = { number: 73_190_248_561, fraction: 48_213.905_71 };
export const PLANTED_DIGITS = ['73190248561', '48213.90571', '4821390571'];

const VALUE = { text: 'planted-text', yes: true, ...PLANTED };

/**
 * Every kind of request at a secret of a mount, with numbers and a boolean as values. The order counts.
 *
 * @param mount `secret/`
 */
export function everyKindOfChange(mount: string, withSettings: boolean): Step[] {
  const settings = (path: string): string | undefined => (withSettings ? `settings ${path}` : undefined);
  const step =
    (method: string, path: string, body?: unknown) =>
    (api: VaultApi): Promise<unknown> =>
      api.request(method, mount + path, body);
  const refused =
    (method: string, path: string, body?: unknown) =>
    (api: VaultApi): Promise<unknown> =>
      api.request(method, mount + path, body).catch(() => undefined);
  return [
    { what: 'create', run: step('POST', 'data/t/a', { data: VALUE }), hint: 'value t/a' },
    { what: 'update', run: step('PUT', 'data/t/a', { data: VALUE }), hint: 'value t/a' },
    { what: 'patch', run: step('PATCH', 'data/t/a', { data: { n: PLANTED.number } }), hint: 'value t/a' },
    { what: 'patch without a secret', run: refused('PATCH', 'data/t/0', { data: VALUE }), hint: 'value t/0' },
    {
      what: 'refused update',
      run: refused('POST', 'data/t/a', { data: VALUE, options: { cas: 1 } }),
      hint: undefined,
    },
    { what: 'read', run: step('GET', 'data/t/a'), hint: undefined },
    { what: 'metadata read', run: step('GET', 'metadata/t/a'), hint: undefined },
    { what: 'list', run: step('LIST', 'metadata/t'), hint: undefined },
    { what: 'soft delete', run: step('DELETE', 'data/t/a'), hint: 'removed t/a' },
    { what: 'undelete', run: step('POST', 'undelete/t/a', { versions: [3] }), hint: 'value t/a' },
    { what: 'delete of versions', run: step('POST', 'delete/t/a', { versions: [2] }), hint: 'removed t/a' },
    { what: 'destroy', run: step('PUT', 'destroy/t/a', { versions: [1] }), hint: 'removed t/a' },
    {
      what: 'settings',
      run: step('POST', 'metadata/t/a', { custom_metadata: { a: 'b' } }),
      hint: settings('t/a'),
    },
    {
      what: 'patched settings',
      run: step('PATCH', 'metadata/t/a', { custom_metadata: { a: 'c' } }),
      hint: settings('t/a'),
    },
    {
      what: 'odd name',
      run: step('POST', 'data/%C3%A4%20%22/50%25', { data: VALUE }),
      hint: 'value ä "/50%',
    },
    { what: 'metadata delete', run: step('DELETE', 'metadata/t/a'), hint: 'removed t/a' },
    { what: 'create again', run: step('POST', 'data/t/a', { data: VALUE }), hint: 'value t/a' },
  ];
}

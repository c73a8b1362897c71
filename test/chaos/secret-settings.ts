/** The settings of a secret in Vault. */
export interface SecretSettings {
  custom_metadata: Record<string, string> | null;
  /** High enough that no version is ever dropped, because the judge looks at all of them. */
  max_versions: number;
  cas_required: boolean;
  delete_version_after: string;
}

const NOTHING: SecretSettings = {
  custom_metadata: null,
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
};

/** The settings that the test sets, by name. Default settings have no name. */
const WORDS = {
  owned: { ...NOTHING, custom_metadata: { owner: 'red' } },
  strict: { ...NOTHING, custom_metadata: { owner: 'green', note: 'ü' }, cas_required: true },
  expiring: { ...NOTHING, max_versions: 600, delete_version_after: '24h0m0s' },
} as const satisfies Record<string, SecretSettings>;

/** `none` resets all settings. */
export const SETTINGS_WORDS = ['none', ...(Object.keys(WORDS) as (keyof typeof WORDS)[])] as const;

/** The body of a request that sets them. Vault would keep custom_metadata for null. */
export function settingsOf(word: string): object {
  const settings = word in WORDS ? WORDS[word as keyof typeof WORDS] : NOTHING;
  return { ...settings, custom_metadata: settings.custom_metadata ?? {} };
}

/** @returns the name; undefined without settings; Vault's text for settings without a name */
export function wordOf(there: SecretSettings): string | undefined {
  const { custom_metadata, max_versions, cas_required, delete_version_after } = there;
  const said = JSON.stringify({
    custom_metadata: custom_metadata && Object.fromEntries(Object.entries(custom_metadata).sort()),
    max_versions,
    cas_required,
    delete_version_after,
  });
  if (said === canonical(NOTHING)) return undefined;
  return Object.entries(WORDS).find(([, settings]) => canonical(settings) === said)?.[0] ?? said;
}

function canonical({ custom_metadata, ...rest }: SecretSettings): string {
  const sorted = custom_metadata && Object.fromEntries(Object.entries(custom_metadata).sort());
  return JSON.stringify({ custom_metadata: sorted, ...rest });
}

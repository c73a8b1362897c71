/** What Vault keeps beside the versions of a secret. */
export interface SecretSettings {
  custom_metadata: Record<string, string> | null;
  /** So many that no version is ever dropped: the judge looks at all of them. */
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

/** The settings that the test gives to secrets, each with a word; those without a word are none. */
const WORDS = {
  owned: { ...NOTHING, custom_metadata: { owner: 'red' } },
  strict: { ...NOTHING, custom_metadata: { owner: 'green', note: 'ü' }, cas_required: true },
  expiring: { ...NOTHING, max_versions: 600, delete_version_after: '24h0m0s' },
} as const satisfies Record<string, SecretSettings>;

/** `none` takes all of them away. */
export const SETTINGS_WORDS = ['none', ...(Object.keys(WORDS) as (keyof typeof WORDS)[])] as const;

/** The body of a request that sets them; null would leave custom_metadata as they are. */
export function settingsOf(word: string): object {
  const settings = word in WORDS ? WORDS[word as keyof typeof WORDS] : NOTHING;
  return { ...settings, custom_metadata: settings.custom_metadata ?? {} };
}

/** @returns the word; undefined if nothing is set; what Vault said if there is no word for it */
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

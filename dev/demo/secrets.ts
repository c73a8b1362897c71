import { randomBytes } from 'node:crypto';
import type { SecretValue } from './vault';

export interface DemoSecret {
  /** Below the mount: `<environment>/<team>/<app>/<what>`. */
  path: string;
  value: SecretValue;
}

const ENVIRONMENTS = ['prod', 'stage'];
const TEAMS = ['billing', 'identity', 'logistics', 'mobile', 'payments', 'search'];
const APPS = ['api', 'gateway', 'reports', 'web', 'worker'];

/** What each app keeps, and a value for it; made up anew each time. */
const KINDS: Readonly<Record<string, () => SecretValue>> = {
  cache: () => ({ password: random() }),
  database: () => ({ username: `app-${random(3)}`, password: random(), port: 5432 }),
  smtp: () => ({ host: 'mail.example.org', password: random(), tls: true }),
  'oauth/google': () => ({ client: { id: random(8), secret: random(16) }, scopes: ['openid', 'email'] }),
  'tls/certificate': () => ({ certificate: lines(12), key: lines(20), note: 'läuft jährlich ab' }),
};

/** The 300 secrets that the origin starts with. The paths are always the same, the values never. */
export function makeSecrets(): DemoSecret[] {
  return ENVIRONMENTS.flatMap((environment) =>
    TEAMS.flatMap((team) =>
      APPS.flatMap((app) =>
        Object.entries(KINDS).map(([what, make]) => ({
          path: [environment, team, app, what].join('/'),
          value: make(),
        })),
      ),
    ),
  );
}

/** The secrets that the demo touches after the first copy. */
export const CHANGED_PATH = 'prod/payments/api/database';
export const DELETED_PATH = 'stage/search/web/cache';
export const ADDED_PATH = 'prod/payments/api/webhook';

export function random(bytes = 12): string {
  return randomBytes(bytes).toString('hex');
}

function lines(count: number): string {
  return Array.from({ length: count }, () => randomBytes(48).toString('base64')).join('\n');
}

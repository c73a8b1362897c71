import type { Judge } from './judge';
import { isPublished, isWantedThere } from './settings';
import { Violation } from './violation';
import type { InfoView, View } from './witness';

/** Places at the destination, once both ends are equal. */
export interface Quiet {
  readonly claimed: ReadonlySet<string>;
  readonly strays: ReadonlySet<string>;
}

/** Checks rules 7 and 9 to 11 of judge.ts, once both ends should be equal. */
export async function judgeConvergence(judge: Judge): Promise<Quiet> {
  const { witness, model } = judge;
  const view = await judge.look();
  judgeEqual(judge, view, await witness.believedClaims());
  const claims = await judgeInfo(judge);
  if (witness.settings.syncMetadata) judgeSettings(judge, view);
  await judgeOrphans(judge, view, claims);

  const claimed = new Set([...claims.keys()].map((name) => judge.targetOf(name)));
  const standing = [...view].filter(([, { value }]) => value !== undefined);
  const strays = new Set(standing.map(([place]) => place).filter((place) => !claimed.has(place)));
  // A place whose wanted secret is kept out by a foreign value stays a stray. Cycles deal with all others.
  for (const name of model.names) {
    const place = judge.targetOf(name);
    if (judge.isWanted(name) && view.get(place)?.value === model.value(name)) strays.delete(place);
  }
  return { claimed, strays };
}

/** Rule 7. */
export function judgeEqual(judge: Judge, view: View, claims: InfoView, { exceptTouched = false } = {}): void {
  const { witness, model } = judge;
  const { hands } = witness;
  const wanted = new Set(model.names.filter((name) => judge.isWanted(name)));
  const collided = new Set(judge.collisions());
  for (const name of wanted) {
    const place = judge.targetOf(name);
    const value = view.get(place)?.value;
    if (value === model.value(name) || collided.has(place)) continue;
    if (isKept(judge, place, view) || (exceptTouched && hands.touched.has(place))) continue;
    throw new Violation(
      'equal',
      `${place} should have ${String(model.value(name))} of ${name}, and has ${String(value)}; the destination's ` +
        `info says of it: ${JSON.stringify(claims.get(name))}`,
    );
  }
  const places = new Set([...wanted].map((name) => judge.targetOf(name)));
  for (const [place, { value }] of view) {
    if (value === undefined || places.has(place) || hands.touched.has(place) || mayStay(judge, place))
      continue;
    const claim = [...claims].find(([name]) => judge.targetOf(name) === place);
    throw new Violation(
      'equal',
      `${place} is deleted at the origin, and still stands at the destination, whose info says of it: ` +
        JSON.stringify(claim),
    );
  }
}

/** Whether the place has a manual value that `onConflict: keep` preserves. */
function isKept(judge: Judge, place: string, view: View): boolean {
  const { hands, settings } = judge.witness;
  const { value, versions } = view.get(place) ?? {};
  const isByHand = hands.versions.has(`${place}#${versions?.length ?? 0}`);
  return settings.onConflict === 'keep' && isByHand && hands.values.get(place)?.has(value ?? '') === true;
}

/** Whether a secret may stay at a place although the origin has none that belongs there. */
function mayStay(judge: Judge, place: string): boolean {
  const { witness, since, strays, claimed } = judge;
  const { settings } = witness;
  if (settings.ignoreDeletes || strays.has(place) || since.moved) return true;
  const owners = judge.ownersOf(place);
  const mustGo = owners.some((name) => claimed.has(place) && !isWantedThere(settings, name));
  if (settings.deleteExcluded && mustGo) return false;
  if (owners.some((name) => since.excluded.has(name))) return true;
  return since.disturbed && !claimed.has(place);
}

/** @returns the claims of the destination's info */
async function judgeInfo(judge: Judge): Promise<InfoView> {
  const { witness, model } = judge;
  const read = async (role: 'origin' | 'destination'): Promise<InfoView> =>
    witness.info(role).catch((error: unknown) => {
      throw new Violation('info', error instanceof Error ? error.message : String(error));
    });
  const origin = await read('origin');
  const destination = await read('destination');
  const live = model.names.filter(
    (name) => model.value(name) !== undefined && isPublished(witness.settings, name),
  );
  const inInfo = [...origin].map(([name, { version }]) => `${name} ${version}`).sort();
  const inOrigin = live.map((name) => `${name} ${model.version(name)}`).sort();
  if (JSON.stringify(inInfo) !== JSON.stringify(inOrigin))
    throw new Violation('info', `the origin's says ${inInfo.join(', ')}; it has ${inOrigin.join(', ')}`);
  const view = await witness.view();
  const collided = new Set(judge.collisions());
  for (const [name, insight] of origin) {
    const place = judge.targetOf(name);
    if (!judge.isWanted(name) || collided.has(place) || isKept(judge, place, view)) continue;
    const claim = destination.get(name);
    if (claim?.version !== insight.version || claim.updateTime !== insight.updateTime)
      throw new Violation(
        'info',
        `the destination's says ${JSON.stringify(claim)} of ${name}, not ${JSON.stringify(insight)}`,
      );
  }
  return destination;
}

function judgeSettings(judge: Judge, view: View): void {
  const { witness, model } = judge;
  for (const name of model.names) {
    const place = judge.targetOf(name);
    // Settings of another secret may remain there.
    if (!judge.isWanted(name) || judge.ownersOf(place).length > 1 || isKept(judge, place, view)) continue;
    const there = view.get(place)?.settings;
    witness.count('settings judged');
    if (there !== model.settings(name))
      throw new Violation(
        'settings',
        `${place} should have those of ${name}, ${String(model.settings(name))}, and has ${String(there)}`,
      );
  }
}

async function judgeOrphans(judge: Judge, view: View, claims: InfoView): Promise<void> {
  const { witness, since } = judge;
  if (!since.moved) return;
  const listed = await witness.orphans();
  const claimedNow = new Set([...claims.keys()].map((name) => judge.targetOf(name)));
  for (const place of judge.claimed) {
    if (view.get(place)?.value === undefined || claimedNow.has(place)) continue;
    if (witness.hands.touched.has(place) || judge.ownersOf(place).some((name) => judge.isWanted(name)))
      continue;
    witness.count('orphans judged');
    if (!listed.has(place))
      throw new Violation('orphans', `${place} was left by a change of the transforms, and no plan lists it`);
  }
}

import type { Client } from '@temporalio/client';
import { withinMs } from '../../../concurrency/abort';
import { inParallel } from '../../../concurrency/work-pool';
import type { PushBatch, PushedSecret, PushResult } from '../../../contract/push';
import { PUSH_WORK_MS } from '../../../limits';
import { KV_V2 } from '../../../rules/insight';
import { fingerprintOfSettings, settingsOf } from '../../../rules/settings';
import { pathFailureClass } from '../../shared/failures';
import { placeAtDestination, placeAtOrigin, type DestinationDeps } from '../base/deps';
import { copySecret } from '../copy/copy-secret';
import { mayPush, type PushDeps } from './may-push';

/*
 * pushSecrets copies changed secrets at once, some milliseconds after the origin's worker heard of them. The workflow
 * pushChanges calls it as a local activity.
 *
 * It writes values to the destination's Vault and nothing else: no claim, no index, no state, no delete. So it needs no
 * exclusion against a cycle. Both write with copySecret, by check-and-set, and whichever comes last finds the value equal.
 * What it wrote is "applied but not claimed": the next cycle compares it, writes no version, and claims it.
 *
 * Every doubt leaves the secret to that cycle. So does every failure, because the cycle reports it.
 */
export function pushSecrets(
  deps: PushDeps,
  client: Client,
  batch: PushBatch,
  signal: AbortSignal,
): Promise<PushResult> {
  return withinMs(PUSH_WORK_MS, signal, (inTime) => pushInTime(deps, client, batch, inTime));
}

async function pushInTime(
  deps: PushDeps,
  client: Client,
  { secrets }: PushBatch,
  signal: AbortSignal,
): Promise<PushResult> {
  const paths = secrets.map(([path]) => path);
  const permission = await mayPush(deps, client, paths, signal);
  if ('refused' in permission) return { v: 1, there: 0, left: secrets.length, why: permission.refused };
  const allowed = secrets.filter(([path]) => permission.mayPush(path));
  let there = 0;
  const bring = async (secret: PushedSecret, stop: AbortSignal): Promise<void> => {
    // In the queue of the pool it may have grown too old.
    if (permission.freshness.isFresh() && (await isThereAfterCopy(deps, secret, stop))) there += 1;
  };
  try {
    // Before the secrets of a cycle, which may have hours of work: a push has some seconds.
    await inParallel(allowed, signal, bring, deps.copyPool.urgent);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const left = secrets.length - there;
  return { v: 1, there, left, ...(left > 0 && signal.aborted && { why: 'unavailable' }) };
}

/** @throws what is not about the secret */
async function isThereAfterCopy(
  deps: PushDeps,
  [path, version, updateTime]: PushedSecret,
  signal: AbortSignal,
): Promise<boolean> {
  const { syncMetadata } = deps.config;
  try {
    if (syncMetadata && !(await areSettingsThere(deps, path, signal))) return false;
    const insight = { version, updateTime, type: KV_V2 };
    const options = { compareFirst: true, isOurs: true, withoutSettings: syncMetadata };
    return (await copySecret(deps, path, insight, options, signal)).isThere;
  } catch (error) {
    pathFailureClass(error);
    return false;
  }
}

/**
 * Whether the order of settings and value does not matter: the settings are equal at both ends, and the value does not
 * expire. Else a value could be written that ends too early, or never.
 */
async function areSettingsThere(deps: DestinationDeps, path: string, signal: AbortSignal): Promise<boolean> {
  const from = placeAtOrigin(deps, path);
  const to = placeAtDestination(deps, path);
  const [original, copy] = await Promise.all([
    deps.originVault.metadata(from.mount, from.rel, signal),
    deps.vault.metadata(to.mount, to.rel, signal),
  ]);
  if (original?.versions[String(original.current_version)]?.deletion_time !== '') return false;
  if (copy === undefined) return false;
  return fingerprintOfSettings(settingsOf(original)) === fingerprintOfSettings(settingsOf(copy));
}

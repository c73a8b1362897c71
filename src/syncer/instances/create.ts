import type { Logger } from '../../log';
import type { SyncerConfig } from '../config';
import { steadyNowMs } from '../steady-clock';
import { DnsInstances } from './dns';
import type { InstanceSource } from './instance';
import { StaticInstances } from './static';

/** The source of instances that the configuration names. */
export function createInstances(
  { source, maxListAgeMs }: Pick<SyncerConfig, 'source' | 'maxListAgeMs'>,
  log: Logger,
): InstanceSource {
  switch (source.kind) {
    case 'static':
      return new StaticInstances(source.instances);
    case 'dns':
      return new DnsInstances(source);
    case 'kubernetes': {
      // Loaded only here: the client library takes a second and 66 MB (measured with version 1.4.0).
      const { KubernetesInstances } = require('./kubernetes') as typeof import('./kubernetes');
      return new KubernetesInstances({ ...source, maxListAgeMs, log });
    }
  }
}

/**
 * Why a list cannot be used now; undefined if it can. Without evidence that the list is complete there is no verdict: the
 * missing instance could be the one without the token.
 */
export function listProblem(
  source: Pick<InstanceSource, 'current' | 'kind'>,
  maxListAgeMs: number,
  nowMs = steadyNowMs(),
): string | undefined {
  const { kind } = source;
  const { instances, freshAtMs, problem } = source.current();
  const why = problem === undefined ? '' : `: ${problem}`;
  if (freshAtMs === undefined) return `there is no list of instances yet (source ${kind})${why}`;
  const ageMs = nowMs - freshAtMs;
  if (ageMs > maxListAgeMs)
    return `the list of instances is ${Math.round(ageMs / 1000)} s old, and maxListAge is ${maxListAgeMs / 1000} s (source ${kind})${why}`;
  if (instances.length === 0) return `the list of instances is empty (source ${kind})${why}`;
  return undefined;
}

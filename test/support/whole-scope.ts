import { compileFilter } from '../../src/rules/filter';
import { Scope } from '../../src/rules/scope';
import { compileTransforms, type TransformRule } from '../../src/rules/transform';

const ALL = compileFilter({ include: [], exclude: [] });

/** All of the mount `s/` at both ends, in two Vaults and without filters. */
export function wholeScope(transforms: readonly TransformRule[] = []): Scope {
  return new Scope({
    originMounts: ['s/'],
    destinationMounts: ['s/'],
    transformer: compileTransforms(transforms),
    originFilter: ALL,
    filter: ALL,
    sharedMounts: new Map(),
  });
}

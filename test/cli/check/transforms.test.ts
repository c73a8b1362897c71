import { mountsOfTransforms, transformChecks } from '../../../src/cli/check/transforms';
import type { DestinationConfig } from '../../../src/config/schema';

function destination(...rules: [from: string, to: string][]): DestinationConfig {
  const transforms = rules.map(([from, to], at) => ({ name: `t${at}`, from, to }));
  return { destination: { transforms, mounts: ['kv/'] } } as unknown as DestinationConfig;
}

describe('transformChecks', () => {
  it('warns of each named group that is no part of "to"', () => {
    const config = destination(
      ['secret/data/(?P<team>[^/]+)/(?P<app>.+)', 'kv/data/team/app'],
      ['secret/data/(?P<team>[^/]+)/(?P<app>.+)', 'kv/data/prod-app/{team}'],
    );
    expect(transformChecks(config)).toEqual([
      {
        what: 'destination.transforms: t1',
        outcome: 'warning',
        detail:
          '"to" (kv/data/prod-app/{team}) has no part team or app, so what the group matches is not in the new path; a ' +
          'group is inserted where a whole part between two slashes is its name',
      },
    ]);
  });
});

describe('mountsOfTransforms', () => {
  it.each<[to: string, mounts: string[]]>([
    ['other/data/app', ['other/']],
    ['team/other/data/app', ['team/other/']],
    ['kv/data/app', []],
    ['app/data/x', []],
    ['kv/app', []],
  ])('of a transform to %s are %j', (to, mounts) => {
    const { destination: section } = destination(['secret/data/(?P<app>.+)', to]);
    expect(mountsOfTransforms(section)).toEqual(mounts);
  });

  it('does not know the mount where a group is named "data"', () => {
    const { destination: section } = destination(['secret/(?P<data>.+)', 'other/data/app']);
    expect(mountsOfTransforms(section)).toEqual([]);
  });
});

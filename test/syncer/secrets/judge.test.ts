import type { Insight } from '../../../src/rules/insight';
import {
  isAhead,
  judgeClaim,
  judgeGone,
  judgeOlder,
  type AtOrigin,
  type LiveAtOrigin,
  type OwnRecord,
} from '../../../src/syncer/secrets/judge';

const at = (second: number): string => `2026-11-21T13:00:${String(second).padStart(2, '0')}.000000001Z`;
const NOW_MS = Date.parse('2026-11-21T14:00:00Z');

const insight = (version: number, second: number): Insight => ({
  version,
  updateTime: at(second),
  type: 'kvV2',
});

/** Version 3, written in second 30; the metadata were last written in `updated`. */
function origin(version = 3, second = 30, updated = second): LiveAtOrigin {
  const versions = { [String(version)]: { created_time: at(second), deletion_time: '', destroyed: false } };
  return {
    is: 'live',
    insight: insight(version, second),
    metadata: { current_version: version, updated_time: at(updated), versions },
  };
}

const judge = (record: Partial<OwnRecord>, atOrigin = origin()): string => {
  const { state, detail } = judgeClaim(atOrigin, { isNamed: true, ...record }, NOW_MS);
  return `${state}: ${detail}`;
};

describe('judgeClaim', () => {
  test('counts a claim of the current version', () => {
    expect(judge({ claim: insight(3, 30) })).toBe('synced: has version 3');
  });

  test('does not count a claim of a version that the origin does not have, and names both causes', () => {
    expect(judge({ claim: insight(5, 40) })).toBe(
      'behind: it has version 5, and the origin answers with version 3, an older one: the address leads to a standby that ' +
        'lags, or the origin was restored from a backup. If it was restored, write the secret again, or let the next cycles ' +
        'copy version 3',
    );
  });

  test.each<[string, Partial<OwnRecord>, string]>([
    ['no claim', { isNamed: false }, 'it does not have the secret'],
    ['an older version', { claim: insight(2, 20) }, 'it has version 2'],
    ['an unverified claim', { claim: insight(0, 30) }, 'it is to compare its copy with the origin'],
    [
      'the same version of a secret that was created again',
      { claim: insight(3, 20) },
      `it has version 3 of ${at(20)}, from before the secret was created again`,
    ],
    [
      'a higher version from before the secret was created again',
      { claim: insight(9, 20) },
      `it has version 9 of ${at(20)}, from before the secret was created again`,
    ],
    [
      'an older version with a later time, of a clock that was wrong',
      { claim: insight(2, 40) },
      'it has version 2',
    ],
    [
      'a copy that has ended',
      { claim: insight(3, 30), endsAt: '2026-11-21T13:59:59Z' },
      'its copy has ended by itself at 2026-11-21T13:59:59Z (delete_version_after)',
    ],
    ['an end that cannot be read', { claim: insight(3, 30), endsAt: 'soon' }, 'its copy has ended by itself'],
    [
      'a current claim that is not trusted',
      { claim: insight(3, 30), distrust: 'a cycle is writing' },
      'a cycle is writing',
    ],
  ])('does not count %s', (_what, record, detail) => {
    expect(judge(record)).toContain(`behind: ${detail}`);
  });

  test('counts a copy that ends later', () => {
    expect(judge({ claim: insight(3, 30), endsAt: '2026-11-21T14:00:01Z' })).toBe('synced: has version 3');
  });

  test('counts the time of a metadata write, which an original vsync publishes with OpenBao', () => {
    expect(judge({ claim: insight(3, 40) }, origin(3, 30, 40))).toBe('synced: has version 3');
    expect(judge({ claim: insight(3, 40) }, origin(3, 30, 35))).toContain('behind: it has version 3');
  });
});

describe('judgeOlder', () => {
  test.each<[string | undefined, AtOrigin, number | undefined]>([
    [undefined, origin(3), undefined],
    [undefined, origin(3), 3],
    [undefined, origin(4), 3],
    ['behind: the origin answers with version 2, an older one than 3; a standby may lag', origin(2), 3],
    [
      'behind: the origin answers with version 2, an older one than 3; a standby may lag',
      { is: 'deleted', version: 2 },
      3,
    ],
    [undefined, { is: 'deleted', version: 3 }, 3],
    [
      'behind: the origin answers that it has no such secret, not with version 3; a standby may lag',
      { is: 'absent' },
      3,
    ],
    [undefined, { is: 'absent' }, undefined],
  ])('is %j for %j and at least %j', (expected, atOrigin, atLeast) => {
    const judged = judgeOlder(atOrigin, atLeast);
    expect(judged && `${judged.state}: ${judged.detail}`).toBe(expected);
  });
});

describe('isAhead', () => {
  test.each<[boolean, string, Insight | undefined, AtOrigin]>([
    [true, 'a newer version', insight(4, 40), origin()],
    [false, 'the same version', insight(3, 30), origin()],
    [false, 'an older version', insight(2, 20), origin()],
    [false, 'a higher version from before the secret was created again', insight(9, 20), origin()],
    [false, 'no claim', undefined, origin()],
    [false, 'a secret that is gone', insight(4, 40), { is: 'deleted', version: 3 }],
  ])('is %s for %s', (isIt, _what, claim, atOrigin) => {
    expect(isAhead(claim, atOrigin)).toBe(isIt);
  });
});

describe('judgeGone', () => {
  const deleted = { is: 'deleted', version: 3 } as const;
  const rules = { ignoreDeletes: false, isPublished: false };
  const text = (...of: Parameters<typeof judgeGone>): string => {
    const { state, detail } = judgeGone(...of);
    return `${state}: ${detail}`;
  };

  test.each<[string, Parameters<typeof judgeGone>]>([
    [
      'deleted: version 3 is deleted at the origin, and this destination has no copy',
      [deleted, { isNamed: false }, rules],
    ],
    [
      'deleted: the origin has no such secret, and this destination has no copy',
      [{ is: 'absent' }, { isNamed: false }, rules],
    ],
    [
      'deleted: version 3 is deleted at the origin; the next cycles delete the copy',
      [deleted, { isNamed: true }, rules],
    ],
    [
      'deleted: version 3 is deleted at the origin; the copy is kept, because ignoreDeletes is on',
      [deleted, { isNamed: true, held: 'many' }, { ...rules, ignoreDeletes: true }],
    ],
    [
      'held: version 3 is deleted at the origin; the delete of the copy waits for "vsync approve -c FILE": many',
      [deleted, { isNamed: true, held: 'many' }, rules],
    ],
    [
      'deleted: version 3 is deleted at the origin; the next cycles delete the copy',
      [deleted, { isNamed: true, held: 'many' }, { ...rules, isPublished: true }],
    ],
  ])('reports "%s"', (expected, given) => {
    expect(text(...given)).toBe(expected);
  });
});

import { countStates, STATES, verdictOf, type InstanceState } from '../../src/syncer/verdict';

/** Every combination of states of that many instances. Their order does not matter, but is varied too. */
function* combinations(length: number): Generator<InstanceState[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of combinations(length - 1)) for (const state of STATES) yield [...rest, state];
}

/** The counting of the original: a share of all instances in percent, with the origin as one that has the token. */
function originalVerdict(states: readonly InstanceState[]): string {
  if (states.some((state) => state === 'pending')) return 'Timeout';
  let having = 0;
  for (const state of states) if (['origin', 'present'].includes(state)) having += 1;
  const percent = (having / states.length) * 100;
  if (percent > 99) return 'Synced';
  return percent > 50 ? 'Partialy' : 'NotSynced';
}

describe('verdictOf', () => {
  it.each([0, 1, 2, 3, 4, 5, 6])('counts every combination of states of %d instances', (length) => {
    const wrong: string[] = [];
    let combined = 0;
    for (const states of combinations(length)) {
      combined += 1;
      const verdict = verdictOf(states);
      if (verdict !== originalVerdict(states)) wrong.push(`${states.join(' ')}: ${verdict}`);
    }
    expect(wrong).toEqual([]);
    expect(combined).toBe(STATES.length ** length);
  });

  it.each([
    ['one instance, the origin', 'origin', 'Synced'],
    ['one instance that is not the origin, with the token', 'present', 'Synced'],
    ['one instance that is not the origin, without it', 'absent', 'NotSynced'],
    ['exactly half of the others, the origin known', 'origin present absent', 'Partialy'],
    ['exactly half, the origin not in the list', 'present absent', 'NotSynced'],
    ['half of all with the origin', 'origin absent', 'NotSynced'],
    ['all but one that refuses', 'origin present present refused', 'Partialy'],
    ['all but one that fails', 'origin present present failed', 'Partialy'],
    ['all but one whose tries had not ended', 'origin present present pending', 'Timeout'],
    ['no instance', '', 'NotSynced'],
  ])('%s: %s is %s', (_what, states, verdict) => {
    expect(verdictOf(states.split(' ').filter(Boolean) as InstanceState[])).toBe(verdict);
  });

  it('wants all of more than 100 instances, where the original accepts 99 %', () => {
    const states = Array.from({ length: 201 }, (_, at): InstanceState => (at === 0 ? 'absent' : 'present'));
    expect(originalVerdict(states)).toBe('Synced');
    expect(verdictOf(states)).toBe('Partialy');
  });

  it('does not depend on the order of the instances', () => {
    expect(verdictOf(['absent', 'present', 'origin'])).toBe(verdictOf(['origin', 'present', 'absent']));
  });
});

describe('countStates', () => {
  it('counts each state', () => {
    expect(countStates(['origin', 'absent', 'absent', 'refused'])).toEqual({
      origin: 1,
      present: 0,
      absent: 2,
      refused: 1,
      failed: 0,
      pending: 0,
    });
  });
});

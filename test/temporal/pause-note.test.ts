import { pauseNote, readPauseNote } from '../../src/temporal/pause-note';

const AT = new Date('2026-01-01T11:12:00.000Z');

test.each(['Vault upgrade', 'two (of them)', 'a (by b@c at 2026-01-01T00:00:00.000Z)', 'more\nlines'])(
  'readPauseNote finds reason, user and time of a pause by vsync: %j',
  (reason) => {
    expect(readPauseNote(pauseNote(reason, AT))).toEqual({
      reason,
      by: expect.stringMatching(/^\S+@\S+$/) as string,
      at: '2026-01-01T11:12:00.000Z',
    });
  },
);

test.each(['Paused via "temporal schedule toggle"', '', 'a (by b@c at noon)'])(
  'readPauseNote shows the note of another tool as the reason: %j',
  (note) => {
    expect(readPauseNote(note)).toEqual({ reason: note });
  },
);

test('readPauseNote takes a missing note for an empty one', () => {
  expect(readPauseNote(undefined)).toEqual({ reason: '' });
});

import { setMaxListeners } from 'node:events';
import { secretRoom } from '../../src/activities/destination/base/secret-room';

test('as many secrets at the same time as the Vaults take requests now, and never more than the most', async () => {
  const room = { origin: 3, destination: 8 };
  const vault = (at: keyof typeof room): { client: { requestsAtOnce: number; othersWait: () => void } } => ({
    client: {
      get requestsAtOnce() {
        return room[at];
      },
      othersWait: () => told.push(at),
    },
  });
  const told: string[] = [];
  const vaults = [vault('origin'), vault('destination')];
  const secrets = secretRoom(6, vaults);
  const never = new AbortController().signal;
  setMaxListeners(0, never);
  const ends: (() => void)[] = [];
  const all = Array.from({ length: 20 }, () =>
    secrets.run(() => new Promise<void>((end) => ends.push(end)), never),
  );
  let ended = 0;
  const endOne = async (): Promise<void> => {
    ends[ended++]?.();
    await new Promise(setImmediate);
  };
  const inFlight = async (): Promise<number> => {
    await new Promise(setImmediate);
    return ends.length - ended;
  };

  expect(await inFlight()).toBe(3);
  // The other one has room as it is.
  expect(new Set(told)).toEqual(new Set(['origin']));
  room.origin = 5;
  await endOne();
  expect(await inFlight()).toBe(5);
  room.origin = 100;
  await endOne();
  expect(await inFlight()).toBe(6);
  told.length = 0;
  await endOne();
  expect(told).toEqual([]);
  room.destination = 2;
  for (let time = 0; time < 5; time++) await endOne();
  expect(await inFlight()).toBe(2);
  while (ended < all.length) await endOne();
  await Promise.all(all);
});

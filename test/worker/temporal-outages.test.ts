import { logTemporalOutages } from '../../src/worker/temporal-outages';
import { debugLog } from '../support/collected-log';
import { eventually } from '../support/eventually';

const target = { address: 'temporal.example:7233', namespace: 'n', connection: {}, tlsByApiKey: false };

test('logTemporalOutages logs one line for an outage, however long it lasts, and one for its end', async () => {
  const { log, lines } = debugLog();
  let isDown = false;
  let asked = 0;
  const ask = (): Promise<void> => {
    asked++;
    return isDown
      ? Promise.reject(Object.assign(new Error('14'), { code: 14, details: '', metadata: {} }))
      : Promise.resolve();
  };
  const askedTimes = async (times: number): Promise<void> => {
    const until = asked + times;
    await eventually(() => {
      expect(asked).toBeGreaterThanOrEqual(until);
      return Promise.resolve();
    }, 'questions');
  };
  const end = logTemporalOutages({ ask, target, log }, 1);
  await askedTimes(2);
  expect(lines).toEqual([]);
  isDown = true;
  await askedTimes(5);
  isDown = false;
  await askedTimes(3);
  await end();
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({
      level: 40,
      temporal: 'temporal.example:7233',
      msg: expect.stringContaining('Temporal temporal.example:7233: ') as string,
    }),
    expect.objectContaining({
      level: 30,
      msg: expect.stringMatching(/^Temporal temporal.example:7233: is back after \d+ s$/) as string,
    }),
  ]);
});

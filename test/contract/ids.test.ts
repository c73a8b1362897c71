import fc from 'fast-check';
import {
  nameInId,
  nameProblem,
  printableName,
  pushId,
  scheduleId,
  taskQueue,
  verifyId,
  watchId,
} from '../../src/contract/ids';
import { sharedQueue } from '../../src/contract/cycle';

describe('ids in Temporal', () => {
  it('contain a plain name as it is', () => {
    const name = 'Site_1.b-x';
    expect(scheduleId('destination', name)).toBe('vsync-destination-Site_1.b-x');
    expect(taskQueue('origin', name)).toBe('vsync-origin-Site_1.b-x');
    expect(watchId(name)).toBe('vsync-watch-Site_1.b-x');
    expect(pushId(name)).toBe('vsync-push-Site_1.b-x');
    expect(verifyId('x'.repeat(100))).toBe(`vsync-verify-${'x'.repeat(100)}`);
  });

  it.each([
    ['site 1', 'site%201'],
    [' a ', '%20a%20'],
    ['a/b:shared', 'a%2Fb%3Ashared'],
    ['100%', '100%25'],
    ['it\'s "x", y;*(~)!', 'it%27s%20%22x%22%2C%20y%3B%2A%28%7E%29%21'],
    ['é鍵🔑', '%C3%A9%E9%8D%B5%F0%9F%94%91'],
    ['a\nb', 'a%0Ab'],
    ['\ud800', '%EF%BF%BD'],
  ])('contain %j as %s', (name, inId) => {
    expect(nameInId(name)).toBe(inId);
  });

  it('contain the beginning and the hash of a name that is too long', () => {
    expect(nameInId('x'.repeat(190))).toBe('x'.repeat(190));
    expect(nameInId('x'.repeat(191))).toMatch(/^x{120}~[0-9a-f]{64}$/);
    expect(nameInId(`${'x'.repeat(119)}${'é'.repeat(100)}`)).toMatch(/^x{119}~[0-9a-f]{64}$/);
  });

  it('have at most 255 characters, with all that Temporal adds', () => {
    const id = scheduleId('destination', '鍵'.repeat(500));
    expect(`temporal-sys-scheduler:${id}`.length).toBeLessThanOrEqual(255);
    expect(`${id}-2026-11-30T12:00:00Z`.length).toBeLessThanOrEqual(255);
    expect(sharedQueue(id).length).toBeLessThanOrEqual(255);
  });

  it('differ for any two names', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: fc.constantFrom('%', '2', '5', '~', 'a', '"', ' '), maxLength: 6 }),
    );
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(scheduleId('origin', a) === scheduleId('origin', b)).toBe(a === b);
        expect(printableName(a) === printableName(b)).toBe(a === b);
        expect(sharedQueue(taskQueue('origin', a))).not.toBe(taskQueue('origin', b));
        expect(scheduleId('origin', a)).toMatch(/^[\w.%~-]+$/);
      }),
    );
  });
});

describe('nameProblem', () => {
  it.each(['\ud800', '\udbff', 'a\udc00b', '\udc00\ud800'])('refuses %j, half of a character', (name) => {
    expect(nameProblem(name)).toContain('half of a character');
  });

  it.each(['', 'site 1', '鍵🔑', '\ufffd', '\u0000'])('accepts %j', (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });

  it('accepts only names that differ in their ids', () => {
    const name = fc.string({
      unit: fc.constantFrom('\ud800', '\udbff', '\udc00', '\ufffd', 'a'),
      maxLength: 3,
    });
    fc.assert(
      fc.property(name, name, (a, b) => {
        fc.pre(a !== b && nameProblem(a) === undefined && nameProblem(b) === undefined);
        expect(nameInId(a)).not.toBe(nameInId(b));
        expect(printableName(a)).not.toBe(printableName(b));
      }),
    );
  });
});

describe('printableName', () => {
  it.each([
    ['site 1 é', 'site 1 é'],
    ['', ''],
    ['a\nb', '"a\\nb"'],
    ['a\u001b[2J\u202eb', '"a\\u001b[2J\\u202eb"'],
    ['"a"', '"\\"a\\""'],
  ])('shows %j as %s', (name, shown) => {
    expect(printableName(name)).toBe(shown);
  });
});

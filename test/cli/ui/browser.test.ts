import type { FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createUiServer } from '../../../src/cli/ui/server';
import type { SyncView } from '../../../src/cli/ui/shared-status';
import { describeWithChromium, launchChromium, type Browser, type BrowserPage } from '../../support/chromium';
import { eventually } from '../../support/eventually';
import { wellDestination } from '../status/facts';
import { someViews, viewOf } from './views';

describeWithChromium('the page of vsync ui in a browser', () => {
  let browser: Browser;
  let app: FastifyInstance;
  let address: string;
  let views: SyncView[];
  let page: BrowserPage;
  let problems: string[];
  let asked: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  }, 60_000);
  afterAll(() => browser.close());

  beforeEach(async () => {
    views = someViews();
    app = createUiServer({
      host: '127.0.0.1',
      temporalUi: 'http://127.0.0.1:8233',
      read: () => Promise.resolve(views),
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    page = await browser.newPage();
    problems = [];
    asked = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await page.goto(address);
  });
  afterEach(async () => {
    await page.close();
    await app.close();
  });

  /** Waits until an expression is true. The page's policy forbids what playwright would wait with. */
  const until = (expression: string): Promise<void> =>
    eventually(async () => {
      expect(await page.evaluate(expression)).toBe(true);
    }, expression);
  const text = (): Promise<string> => page.evaluate('document.body.innerText');

  test('asks its own server only, without an error, and refreshes by itself', async () => {
    expect(await text()).toContain('25 deletes wait for an approval');
    views = [viewOf(wellDestination({ name: 'fresh' }))];
    await until("document.body.innerText.includes('fresh') && document.title === '1 of 1 ok – vsync'");
    expect(await text()).not.toContain('25 deletes');
    expect(new Set(asked)).toEqual(new Set([address]));
    expect(problems).toEqual([]);
  }, 60_000);

  test('keeps the focus and closed parts over a refresh, and is used with the keyboard', async () => {
    await page.evaluate("document.querySelector('#sync-1-cycles > summary').focus()");
    await page.keyboard.press('Enter');
    const count = "document.querySelectorAll('#sync-1-cycles[open]').length";
    expect(await page.evaluate(count)).toBe(0);
    views = someViews().slice(0, 2);
    await until("document.querySelectorAll('article').length === 2");
    expect(await page.evaluate(count)).toBe(0);
    expect(await page.evaluate('document.activeElement.parentElement.id')).toBe('sync-1-cycles');
    // From the top, Tab reaches the button, then parts and links.
    await page.evaluate('document.activeElement.blur(); document.querySelector("#pause").focus()');
    const reached: string[] = [];
    for (let tab = 0; tab < 3; tab++) {
      await page.keyboard.press('Tab');
      reached.push(
        await page.evaluate('document.activeElement.id || document.activeElement.parentElement.id'),
      );
    }
    expect(reached).toEqual(['sync-0-cycles', 'sync-0-cycle-0', 'sync-0-cycle-1']);
  }, 60_000);

  test('pauses updates with the button', async () => {
    await page.evaluate("document.querySelector('#pause').focus()");
    await page.keyboard.press('Space');
    expect(await page.evaluate("document.querySelector('#pause').getAttribute('aria-pressed')")).toBe('true');
    views = [];
    await page.keyboard.press('Space');
    await until("document.querySelectorAll('article').length === 0");
  }, 60_000);

  test('reports that the command does not answer, and keeps what it showed', async () => {
    await app.close();
    await until("document.body.innerText.includes('vsync ui does not answer')");
    expect(await text()).toContain('site1');
  }, 60_000);

  test('is complete without JavaScript', async () => {
    const plain = await browser.newPage({ javaScriptEnabled: false });
    await plain.goto(address);
    expect((await plain.screenshot({ fullPage: true })).length).toBeGreaterThan(10_000);
    await plain.close();
    expect((await app.inject('/')).body).toContain(
      '<noscript><meta http-equiv="refresh" content="10"></noscript>',
    );
  }, 60_000);

  test('is light or dark as the system is, with enough contrast, and fits a narrow window', async () => {
    const lights: number[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      lights.push(
        await page.evaluate(`(${lightness.toString()})(getComputedStyle(document.body).backgroundColor)`),
      );
      for (const selector of ['body', 'dt', '.word.good', '.word.warn', 'a', '.reasons li'])
        expect([colorScheme, selector, await contrast(selector)]).toEqual([colorScheme, selector, 'enough']);
      await page.setViewportSize({ width: 900, height: 1000 });
      const folder = process.env['VSYNC_SCREENSHOTS'];
      if (folder !== undefined)
        await page.screenshot({ path: path.join(folder, `ui-${colorScheme}.png`), fullPage: false });
    }
    const [light = 0, dark = 1] = lights;
    expect(light).toBeGreaterThan(0.8);
    expect(dark).toBeLessThan(0.05);
    await page.setViewportSize({ width: 360, height: 700 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  }, 60_000);

  /** WCAG's 4.5 between the text of an element and the card behind it. */
  async function contrast(selector: string): Promise<string> {
    const ratio = await page.evaluate<number>(`(() => {
      const lightness = ${lightness.toString()};
      const of = (query, name) => lightness(getComputedStyle(document.querySelector(query))[name]);
      const pair = [of(${JSON.stringify(selector)}, 'color'), of('article', 'backgroundColor')].sort();
      return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    })()`);
    return ratio >= 4.5 ? 'enough' : ratio.toFixed(2);
  }
});

/** Relative luminance of "rgb(…)" as WCAG defines it. Runs in the browser. */
function lightness(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

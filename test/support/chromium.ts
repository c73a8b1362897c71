import { existsSync } from 'node:fs';

/* A browser for tests of pages: Chromium of the distribution, through playwright-core. */

const PLACES = [
  process.env['VSYNC_TEST_CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The executable, if there is one. */
export const CHROMIUM = PLACES.find((file) => file !== '' && existsSync(file));

/** Declares tests that need a browser. Without one they are skipped, with a loud line. */
export function describeWithChromium(title: string, tests: () => void): void {
  if (CHROMIUM === undefined)
    process.stderr.write(
      '\nSKIPPED: Chromium is missing; install it (apt-get install chromium), or name one in VSYNC_TEST_CHROMIUM\n\n',
    );
  (CHROMIUM === undefined ? describe.skip : describe)(title, tests);
}

/** The part of playwright-core's page that tests use. */
export interface BrowserPage {
  goto(url: string): Promise<unknown>;
  evaluate<T>(script: string): Promise<T>;
  emulateMedia(media: { colorScheme: 'light' | 'dark' }): Promise<void>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  screenshot(options: { path?: string; fullPage: boolean }): Promise<Buffer>;
  on(event: 'request', listener: (request: { url(): string }) => void): unknown;
  on(event: 'pageerror', listener: (error: Error) => void): unknown;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): unknown;
  keyboard: { press(key: string): Promise<void> };
  close(): Promise<void>;
}

export interface Browser {
  newPage(options?: { javaScriptEnabled?: boolean }): Promise<BrowserPage>;
  close(): Promise<void>;
}

interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

export function launchChromium(): Promise<Browser> {
  const { chromium } = jest.requireActual<Playwright>('playwright-core');
  // Root, as in a container, has no sandbox.
  return chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox', '--disable-gpu'] });
}

/** The Chromium that takes the pictures: one that is installed, since a download has no place in `pnpm install`. */

import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

const DEFAULT_EXECUTABLE = '/usr/bin/chromium';
/** TensorBoard's first page is a few megabytes of script. */
const PAGE_LIMIT_MS = 60_000;
/** The least time between two looks at a page that may still be drawing. */
const REDRAW_MS = 500;
const MOST_LOOKS = 60;

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A page's size in CSS pixels, and how many of the picture's pixels one of them becomes. */
export interface PageSize {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/**
 * Starts Chromium with an empty profile, which goes with it.
 *
 * @throws Error saying what to install where there is no Chromium.
 */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['RUNCAST_CHROMIUM'] ?? DEFAULT_EXECUTABLE;
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no Chromium at ${executablePath}: install one (Debian: apt-get install chromium), ` +
        'or say where yours is: RUNCAST_CHROMIUM=/path/to/chrome pnpm screenshots',
    );
  }
  return chromium.launch({
    executablePath,
    headless: true,
    // The sandbox does not start for root, as in containers; nothing but our own pages is opened.
    chromiumSandbox: false,
    args: FLAGS,
    // The script itself stops what it started, the browser included.
    handleSIGINT: false,
    handleSIGTERM: false,
  });
}

export async function openPage(browser: Browser, { width, height, scale }: PageSize): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale });
  page.setDefaultTimeout(PAGE_LIMIT_MS);
  return page;
}

/**
 * Saves the visible part of the page once two pictures in a row are the same, so once it is drawn to the end.
 *
 * @throws Error where the page does not come to rest.
 */
export async function photograph(page: Page, file: string): Promise<void> {
  let before = await page.screenshot();
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    await page.waitForTimeout(REDRAW_MS);
    const now = await page.screenshot({ path: file });
    if (now.equals(before)) return;
    before = now;
  }
  throw new Error(`${page.url()} does not come to rest`);
}

/** Draws what a program wrote to its terminal, as a picture of that terminal. */

import { AnsiUp } from 'ansi_up';
import type { Browser } from 'playwright-core';
import { openPage, photograph } from './browser.ts';

export const TERMINAL_COLUMNS = 112;

/** What a program writes to draw its line anew, as the demo's progress bar does. */
const CLEAR_LINE = '\r\u{1B}[K';
/** Wide and high enough for any demo; the picture is cut to the terminal's edges. */
const LARGEST = { width: 1200, height: 1600, scale: 1.5 };

const STYLE = `
  body { margin: 0; background: #0d1117; }
  pre {
    box-sizing: content-box; width: ${TERMINAL_COLUMNS}ch; margin: 0; padding: 20px 24px;
    background: #0d1117; color: #d4dae1; font: 14px/17px 'DejaVu Sans Mono', 'Liberation Mono', monospace;
    white-space: break-spaces; word-break: break-all;
  }
  .ansi-cyan-fg { color: #39c5cf; }
  .ansi-green-fg { color: #3fb950; }
  .ansi-yellow-fg { color: #e3b341; }
  .ansi-red-fg { color: #ff7b72; }
  .command { color: #8b949e; }
`;

/** Saves a picture of a terminal in which `pnpm demo` was typed and wrote this. */
export async function photographTerminal(browser: Browser, output: string, file: string): Promise<void> {
  const page = await openPage(browser, LARGEST);
  await page.setContent(terminalPage('pnpm demo', output));
  const box = await page.locator('pre').boundingBox();
  if (box === null) throw new Error('the terminal was not drawn');
  await page.setViewportSize({ width: Math.ceil(box.width), height: Math.ceil(box.height) });
  await photograph(page, file);
  await page.close();
}

/** A page with a command and what it wrote: colours kept, lines wrapped where a terminal wraps them. */
export function terminalPage(command: string, output: string): string {
  const converter = new AnsiUp();
  converter.use_classes = true;
  const written = converter.ansi_to_html(asLeftOnScreen(output).trimEnd());
  const prompt = `<span class="command">$</span> <b>${command}</b>`;
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><pre>${prompt}\n${written}</pre>`;
}

/** Of a line drawn several times, a terminal shows the last. */
function asLeftOnScreen(output: string): string {
  return output
    .split('\n')
    .map((line) => line.split(CLEAR_LINE).at(-1))
    .join('\n');
}

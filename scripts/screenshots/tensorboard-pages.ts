/** Pictures of TensorBoard's pages, as they are after the few clicks with which a user would look at these runs. */

import type { Browser, Page } from 'playwright-core';
import { openPage, photograph } from './browser.ts';

const TIME_SERIES_SIZE = { width: 1120, height: 840, scale: 1.2 };
const HPARAMS_SIZE = { width: 1320, height: 470, scale: 1.25 };

const TAGS = ['train/loss', 'train/perplexity', 'val/loss', 'val/perplexity'];
const TAG_FILTER = '(train|val)/(loss|perplexity)';
/** TensorBoard draws each curve twice: smoothed, and pale as it is. */
const LINES_PER_CURVE = 2;

/** Of all hyperparameters and metrics, those that differ and those that matter. */
const HPARAMS_COLUMNS = ['hidden_units', 'learning_rate', 'model_size', 'final/loss', 'final/perplexity'];

/** Saves a picture of the Time Series page with the curves of all runs. */
export async function photographTimeSeries(
  browser: Browser,
  address: string,
  runIds: readonly string[],
  file: string,
): Promise<void> {
  const page = await openPage(browser, TIME_SERIES_SIZE);
  await page.goto(pageAddress(address, 'timeseries', { tagFilter: TAG_FILTER }));
  // The pane at the right takes the room of a column of charts, and the tables below the charts that of a row.
  const settings = page.getByRole('button', { name: 'Settings' }).last();
  await page.getByText('Enable step selection and data table').click();
  await settings.click();
  const lines = page.locator('card-view line-chart .series-view path[style*="stroke"]');
  await lines.nth(TAGS.length * runIds.length * LINES_PER_CURVE - 1).waitFor({ state: 'attached' });
  for (const tag of TAGS) await page.locator(`card-view [title="${tag}"]`).waitFor();
  await photograph(page, file);
  await page.close();
}

/** Saves a picture of the HParams page's table. */
export async function photographHparams(
  browser: Browser,
  address: string,
  runIds: readonly string[],
  file: string,
): Promise<void> {
  const page = await openPage(browser, HPARAMS_SIZE);
  await page.goto(pageAddress(address, 'hparams', {}));
  await chooseColumns(page);
  for (const text of [...HPARAMS_COLUMNS, ...runIds]) {
    await page.locator('vaadin-grid').getByText(text, { exact: true }).waitFor();
  }
  await photograph(page, file);
  await page.close();
}

async function chooseColumns(page: Page): Promise<void> {
  const boxes = page.locator('paper-checkbox.hparam-checkbox, paper-checkbox.metric-checkbox');
  await boxes.first().waitFor();
  for (const box of await boxes.all()) {
    const wanted = HPARAMS_COLUMNS.includes((await box.innerText()).trim());
    const chosen = (await box.getAttribute('aria-checked')) === 'true';
    if (wanted !== chosen) await box.click();
  }
  await boxes.first().scrollIntoViewIfNeeded();
}

/** Charts are drawn with WebGL unless this asks for SVG; a browser without a screen has no WebGL. */
function pageAddress(address: string, plugin: string, options: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ forceSVG: 'true', ...options });
  return `${address}/?${query.toString()}#${plugin}`;
}

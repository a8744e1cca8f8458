/** What the page of the fault harness says, promise by promise, for the README: no row of it is written by hand. */

/** One promise and what was seen of it. */
export interface FaultsRow {
  readonly what: string;
  readonly holds: string;
  /** In the order of the page, each once. */
  readonly sinks: readonly string[];
  readonly hosts: readonly string[];
  readonly rounds: number;
  readonly failures: number;
}

/** Reads a page that the harness has written. Throws an Error where a section of it has no table. */
export function readFaultsPage(page: string): readonly FaultsRow[] {
  const sections = page.split(/^## /mu).slice(1);
  return sections.filter((section) => !section.startsWith('Failures')).map((section) => readSection(section));
}

function readSection(section: string): FaultsRow {
  const [what = '', ...lines] = section.split('\n');
  const holds = lines.find((line) => line !== '') ?? '';
  const [, , ...rows] = lines.filter((line) => line.startsWith('|')).map((line) => cellsOf(line));
  if (rows.length === 0) throw new Error(`the page of faults has no table for ${JSON.stringify(what)}`);
  const column = (index: number): readonly string[] => rows.map((row) => row[index] ?? '');
  const total = (index: number): number => column(index).reduce((sum, text) => sum + Number(text), 0);
  return {
    what,
    holds,
    sinks: distinct(column(1).flatMap((text) => text.split(' + '))),
    hosts: distinct(column(2).flatMap((text) => (text === 'both' ? ['worker', 'inline'] : [text]))),
    rounds: total(3),
    failures: total(5),
  };
}

function cellsOf(line: string): readonly string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** What a backend holds against what it was given: rows missing, doubled, foreign or out of order, told by their text. */

import { AssertionError } from 'node:assert';

/** One thing a backend holds, as text that two runs of the same records agree on. */
export interface BackendRow {
  readonly row: string;
  /**
   * A part of the backend that keeps an order of its own: a file, a table, a metric's chart. Order is checked within each. One
   * for the whole backend where left out.
   */
  readonly lane?: string;
}

/** What one writer's records should have left, in order. */
export interface ExpectedRows {
  readonly writer: string;
  readonly rows: readonly BackendRow[];
}

/**
 * Throws an AssertionError unless `held` are exactly the expected rows, each lane of each writer in order. With
 * `at-least-once`, rows may be there more than once, and the first of each counts for the order.
 */
export function checkHeldRows(
  expected: readonly ExpectedRows[],
  held: readonly BackendRow[],
  guarantee: 'exactly-once' | 'at-least-once',
): void {
  const counted = guarantee === 'exactly-once' ? held : distinct(held);
  const all = expected.flatMap((writer) => writer.rows);
  const missing = subtract(all, counted);
  const surplus = subtract(counted, all);
  if (missing.length > 0 || surplus.length > 0) {
    const known = new Set(all.map(text));
    const doubled = surplus.filter((row) => known.has(text(row)));
    const foreign = surplus.filter((row) => !known.has(text(row)));
    throw new AssertionError({
      message: [told('missing', missing), told('doubled', doubled), told('unexpected', foreign)]
        .filter(Boolean)
        .join('; '),
    });
  }
  for (const { writer, rows } of expected) {
    const own = new Set(rows.map(text));
    checkOrder(writer, lanes(rows), lanes(counted.filter((row) => own.has(text(row)))));
  }
}

function checkOrder(writer: string, expected: LaneRows, held: LaneRows): void {
  for (const [lane, rows] of expected) {
    const actual = held.get(lane) ?? [];
    for (const [at, row] of rows.entries()) {
      if (row === actual[at]) continue;
      throw new AssertionError({
        message: `writer ${writer}${lane === '' ? '' : `, ${lane}`}: out of order at row ${at}: ${shown(actual[at] ?? 'nothing')} where ${shown(row)} belongs`,
      });
    }
  }
}

type LaneRows = ReadonlyMap<string, readonly string[]>;

function lanes(rows: readonly BackendRow[]): LaneRows {
  const byLane = Map.groupBy(rows, (row) => row.lane ?? '');
  return new Map([...byLane].map(([lane, members]) => [lane, members.map((member) => member.row)]));
}

/** A row's identity. */
function text(row: BackendRow): string {
  return `${row.lane ?? ''}\n${row.row}`;
}

function distinct(rows: readonly BackendRow[]): readonly BackendRow[] {
  return [...new Map(rows.map((row) => [text(row), row])).values()];
}

/** What is left of `rows` when each of `others` has taken one of its kind away. */
function subtract(rows: readonly BackendRow[], others: readonly BackendRow[]): readonly BackendRow[] {
  const counts = new Map<string, number>();
  for (const row of others) counts.set(text(row), (counts.get(text(row)) ?? 0) + 1);
  return rows.filter((row) => {
    const count = counts.get(text(row)) ?? 0;
    counts.set(text(row), count - 1);
    return count <= 0;
  });
}

function told(what: string, rows: readonly BackendRow[]): string {
  if (rows.length === 0) return '';
  const examples = rows.slice(0, 3).map((row) => shown(row.row));
  return `${rows.length} of ${what}: ${examples.join(', ')}${rows.length > 3 ? ', …' : ''}`;
}

function shown(row: string): string {
  return row.length > 200 ? `${row.slice(0, 200)}… (${row.length} characters)` : row;
}

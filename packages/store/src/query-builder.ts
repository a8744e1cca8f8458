/** SQL with everything of a question beside it as parameters: nothing that anybody wrote becomes text of the statement. */

import type { SqlDialect } from './sql-dialect.ts';

/** A list is for {@link QueryBuilder.isOneOf} alone. */
export type QueryValue = string | number | boolean | readonly string[];

export interface BuiltQuery {
  /** With `$1`, `$2` … for the values: one value may stand in several places. */
  readonly sql: string;
  readonly values: readonly QueryValue[];
}

/** Collects the values of one statement while its text is put together. */
export class QueryBuilder {
  readonly dialect: SqlDialect;
  readonly #values: QueryValue[] = [];

  constructor(dialect: SqlDialect) {
    this.dialect = dialect;
  }

  /** What stands for the value in the text. */
  bind(value: QueryValue): string {
    this.#values.push(value);
    const marker = `$${this.#values.length}`;
    // SQLite takes a value as it comes; PostgreSQL would guess its type from what is around it.
    return this.dialect === 'sqlite' ? marker : `${marker}::${postgresType(value)}`;
  }

  /** As {@link bind}, for what is compared with an integer column, whose index a fraction could not use. */
  bindInteger(value: number): string {
    return `CAST(${this.bind(value)} AS bigint)`;
  }

  isOneOf(expression: string, values: readonly string[]): string {
    const list = this.bind(values);
    return this.dialect === 'sqlite'
      ? `${expression} IN (SELECT value FROM json_each(${list}))`
      : `${expression} = ANY(${list})`;
  }

  /** Whether a text holds another, in any case of its letters (in SQLite of those of ASCII). */
  contains(expression: string, text: string): string {
    const pattern = this.bind(`%${text.replaceAll(/[\\%_]/gu, String.raw`\$&`)}%`);
    return String.raw`${expression} ${this.dialect === 'sqlite' ? 'LIKE' : 'ILIKE'} ${pattern} ESCAPE '\'`;
  }

  /** A text in the order of its characters' code points, which is not every database's own. */
  byCodePoints(expression: string): string {
    return this.dialect === 'sqlite' ? expression : `${expression} COLLATE "C"`;
  }

  /** A member of a JSON column as it is written there; null where there is none. */
  member(column: string, key: string): string {
    // SQLite takes a path. https://www.sqlite.org/json1.html#path_arguments
    return this.dialect === 'sqlite'
      ? `${column} -> ${this.bind(`$.${JSON.stringify(key)}`)}`
      : `(${withoutNul(column)}) -> ${this.bind(key)}`;
  }

  build(sql: string): BuiltQuery {
    return { sql, values: [...this.#values] };
  }
}

/** PostgreSQL keeps JSON whose keys hold NUL characters, and fails when it looks into it, whatever it looks for. */
function withoutNul(column: string): string {
  const text = `CAST(${column} AS text)`;
  const replaced = String.raw`CAST(replace(${text}, '\u0000', '\ufffd') AS json)`;
  return String.raw`CASE WHEN strpos(${text}, '\u0000') > 0 THEN ${replaced} ELSE ${column} END`;
}

function postgresType(value: QueryValue): string {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'double precision';
  return typeof value === 'boolean' ? 'boolean' : 'text[]';
}

/** What reading a store takes of its database: everything else is the same for both. */

import type { SqlDialect } from './sql-dialect.ts';
import type { Row } from './statement.ts';
import type { BuiltQuery } from './query-builder.ts';

export interface StoreSource {
  readonly dialect: SqlDialect;
  /** Without secrets. */
  readonly address: string;
  /** Few rows, at once. Rejects with a StoreError, as {@link iterate} does. */
  all(statement: BuiltQuery): Promise<readonly Row[]>;
  /** Any number of rows, as they were when it began, few of them in memory. Others have their turn in between. */
  iterate(statement: BuiltQuery): AsyncIterable<Row>;
  /** Idempotent. */
  close(): Promise<void>;
}

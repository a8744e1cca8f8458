/** What is wrong with a question to a store, so that who asked can put it right: a filter, a field, an order or a limit. */

export class QueryError extends Error {
  readonly code = 'RUNCAST_QUERY';

  constructor(message: string) {
    super(message);
    this.name = 'QueryError';
  }
}

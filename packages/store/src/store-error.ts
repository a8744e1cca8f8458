/** Why a store cannot be opened or read, and what to do about it. Holds no passwords: they are in the URL, which it does not show. */

export class StoreError extends Error {
  readonly code = 'RUNCAST_STORE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
  }
}

/** The database is there, but without our tables. */
export function noStore(address: string): StoreError {
  return new StoreError(
    `${address} holds no runs: it becomes a run store when a run is trained with STORE__ENABLED=true; is STORE__URL the right one?`,
  );
}

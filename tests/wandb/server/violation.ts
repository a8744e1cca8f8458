// What a client may not do. The server goes on as W&B would, as far as that is known, and tests assert that nothing was found.

/**
 * - `endpoint`: a path or method that W&B does not have.
 * - `auth`: no key or a wrong one on a request to the base URL, or any on a signed upload.
 * - `operation`, `query`, `variables`: GraphQL that official clients do not send, that does not fit the schema, or whose
 *   variables do not.
 * - `body`: a request that is no JSON object, or has members that W&B does not know.
 * - `unknown-run`: a run that nobody has made.
 * - `config`: a config whose items are not wrapped as `{"value": …}`.
 * - `gap`: lines written beyond the end of a file.
 * - `overwrite`: an earlier line changed, or the newest one changed by more than new keys.
 * - `line`: a line that is no JSON object.
 * - `step`: a history line without `_step`, or whose `_step` is less than the one before.
 * - `summary`: a summary that is not one whole document at line 0.
 * - `size`: a line or a request beyond W&B's limits.
 * - `overlap`: a file stream request while another of that run is under way.
 * - `rate`: a request before a Retry-After was over.
 * - `after-complete`: anything for a run that has ended and was not opened again.
 * - `upload`: a file said to be uploaded whose bytes never came, or bytes to an address that was not given out.
 * - `headers`: an upload without the headers that were given out with its address, or whose Content-MD5 is not that of its bytes.
 * - `artifact`: an artifact committed without its files, or whose manifest does not describe them.
 */
export type ViolationKind =
  | 'endpoint'
  | 'auth'
  | 'operation'
  | 'query'
  | 'variables'
  | 'body'
  | 'unknown-run'
  | 'config'
  | 'gap'
  | 'overwrite'
  | 'line'
  | 'step'
  | 'summary'
  | 'size'
  | 'overlap'
  | 'rate'
  | 'after-complete'
  | 'upload'
  | 'headers'
  | 'artifact';

export class Violations {
  readonly #found: string[] = [];
  readonly #tolerated: ReadonlySet<ViolationKind>;

  constructor(tolerated: readonly ViolationKind[]) {
    this.#tolerated = new Set(tolerated);
  }

  /** One line each, beginning with the kind. */
  get found(): readonly string[] {
    return this.#found;
  }

  report(kind: ViolationKind, what: string): void {
    if (!this.#tolerated.has(kind)) this.#found.push(`${kind}: ${what}`);
  }
}

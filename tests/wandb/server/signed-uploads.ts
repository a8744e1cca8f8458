// Addresses that bytes are put to: given out once, valid without a key, and only with the headers that came with them, as the
// signed addresses of an object store are.
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Violations } from './violation.ts';

export interface Ticket {
  readonly path: string;
  /** `Name:value`, to be sent along. */
  readonly headers: readonly string[];
}

interface Issued {
  readonly what: string;
  readonly headers: readonly string[];
  readonly take: (bytes: Uint8Array) => void;
}

export const UPLOAD_PREFIX = '/signed/';

export function md5Base64(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64');
}

export class SignedUploads {
  readonly #issued = new Map<string, Issued>();
  readonly #violations: Violations;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  /** `what` names the file in violations; `take` gets the bytes, each time that they come. */
  issue(what: string, headers: readonly string[], take: (bytes: Uint8Array) => void): Ticket {
    const path = `${UPLOAD_PREFIX}${randomUUID()}`;
    this.#issued.set(path, { what, headers, take });
    return { path, headers };
  }

  /** Returns the status to answer with. */
  put(path: string, headers: IncomingHttpHeaders, bytes: Uint8Array): number {
    const issued = this.#issued.get(path);
    if (issued === undefined) {
      this.#violations.report('upload', `bytes put to ${path}, which was not given out`);
      return 403;
    }
    for (const header of issued.headers) {
      const [name, value] = splitHeader(header);
      if (headers[name.toLowerCase()] === value) continue;
      this.#violations.report('headers', `${issued.what}: put without the header ${header}`);
      return 403;
    }
    const md5 = headers['content-md5'];
    if (md5 !== undefined && md5 !== md5Base64(bytes)) {
      this.#violations.report(
        'headers',
        `${issued.what}: Content-MD5 is ${String(md5)}, of its bytes ${md5Base64(bytes)}`,
      );
      return 400;
    }
    issued.take(bytes);
    return 200;
  }
}

function splitHeader(header: string): readonly [string, string] {
  const colon = header.indexOf(':');
  return [header.slice(0, colon), header.slice(colon + 1).trim()];
}

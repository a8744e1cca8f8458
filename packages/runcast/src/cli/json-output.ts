/** Results for programs: one JSON document on the output, its names in snake_case as everything Runcast writes has them. */

import type { CliStream } from './command.ts';

export function writeJson(stream: CliStream, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** What the runner gives to a contender's process, and how that answers. */

/** From the command line: an empty directory, how many records to write, and what else a script takes. */
export function readWorkload(): {
  readonly directory: string;
  readonly count: number;
  readonly args: readonly string[];
} {
  const [directory = '', count = '', ...args] = process.argv.slice(2);
  if (directory === '' || !(Number(count) > 0)) throw new Error('expects a directory and a count');
  return { directory, count: Number(count), args };
}

/** Prints the figures, as the last line. */
export function answer(figures: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify(figures));
}

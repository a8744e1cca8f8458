// A file that clients write by line number, as W&B's file stream does: lines from an offset on replace what is there. Says what a
// write did to lines that were there already, which is how lost and doubled rows show.

/** An existing line that a write has replaced by another text. */
export interface ChangedLine {
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

export interface WriteOutcome {
  /** Lines between the end and the offset, which nobody has written. */
  readonly gap: number;
  readonly changed: readonly ChangedLine[];
}

export class LineFile {
  readonly #lines: string[] = [];

  get lines(): readonly string[] {
    return this.#lines;
  }

  write(offset: number, content: readonly string[]): WriteOutcome {
    const gap = Math.max(0, offset - this.#lines.length);
    for (let missing = 0; missing < gap; missing += 1) this.#lines.push('');
    const changed: ChangedLine[] = [];
    for (const [index, after] of content.entries()) {
      const line = offset + index;
      const before = this.#lines[line];
      if (before !== undefined && before !== after) changed.push({ line, before, after });
      this.#lines[line] = after;
    }
    return { gap, changed };
  }
}

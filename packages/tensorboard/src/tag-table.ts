/**
 * What is known of each tag: where its last point lies. TensorBoard's default reader erases whatever lies at or after a
 * step that goes back, so the encoder has to know. Changes are a draft until they are committed: a batch that could not be
 * written leaves no trace here.
 */

/** A series of points. `step` is NaN where there is none yet. */
export interface Tag {
  readonly name: string;
  step: number;
  /** Index of the sub-run it is written to. */
  subRun: number;
  /** Its axis is its own (epochs, a series), so a step to resume from says nothing about it. */
  ownAxis: boolean;
  readonly saved: SavedTag;
}

interface SavedTag {
  step: number;
  subRun: number;
  ownAxis: boolean;
  /** The tag differs from what is saved, and is in the table's list of these. */
  changed: boolean;
}

/** A tag as a position holds it: name, last step, sub-run, whether its axis is its own. */
export type TagEntry = readonly [name: string, step: number | null, subRun: number, ownAxis: boolean];

export class TagTable {
  /** By key, as logged; several keys have one tag where they differ only in what is not well-formed. */
  readonly #tags = new Map<string, Tag>();
  readonly #changed: Tag[] = [];

  constructor(entries: readonly TagEntry[]) {
    for (const [name, step, subRun, ownAxis] of entries) {
      this.#tags.set(name, newTag(name, step ?? Number.NaN, subRun, ownAxis));
    }
  }

  of(key: string): Tag {
    const known = this.#tags.get(key);
    if (known !== undefined) return known;
    const name = key.toWellFormed();
    const tag = name === key ? newTag(name, Number.NaN, 0, false) : this.of(name);
    this.#tags.set(key, tag);
    return tag;
  }

  move(tag: Tag, step: number, subRun: number, ownAxis: boolean): void {
    if (!tag.saved.changed) {
      tag.saved.changed = true;
      this.#changed.push(tag);
    }
    tag.step = step;
    tag.subRun = subRun;
    tag.ownAxis = ownAxis;
  }

  /** Lets steps from `step` on come again, and any step of tags with an axis of their own. */
  rewind(step: number): void {
    for (const tag of this.#tags.values()) {
      if (tag.ownAxis) this.move(tag, Number.NaN, tag.subRun, true);
      else if (tag.step >= step) this.move(tag, step - 1, tag.subRun, false);
    }
  }

  commit(): void {
    for (const tag of this.#changed) {
      tag.saved.step = tag.step;
      tag.saved.subRun = tag.subRun;
      tag.saved.ownAxis = tag.ownAxis;
      tag.saved.changed = false;
    }
    this.#changed.length = 0;
  }

  rollBack(): void {
    for (const tag of this.#changed) {
      tag.step = tag.saved.step;
      tag.subRun = tag.saved.subRun;
      tag.ownAxis = tag.saved.ownAxis;
      tag.saved.changed = false;
    }
    this.#changed.length = 0;
  }

  /** What was committed, for a position. */
  entries(): readonly TagEntry[] {
    return [...new Set(this.#tags.values())]
      .filter(({ saved }) => !Number.isNaN(saved.step) || saved.subRun > 0)
      .map(({ name, saved }): TagEntry => [
        name,
        Number.isNaN(saved.step) ? null : saved.step,
        saved.subRun,
        saved.ownAxis,
      ]);
  }
}

function newTag(name: string, step: number, subRun: number, ownAxis: boolean): Tag {
  return { name, step, subRun, ownAxis, saved: { step, subRun, ownAxis, changed: false } };
}

import { describe, expect, it } from 'vitest';
import { TagTable } from './tag-table.ts';

describe('TagTable', () => {
  it('has one tag for keys that differ only in lone surrogates', () => {
    const tags = new TagTable([]);
    expect(tags.of('\ud800')).toBe(tags.of('\ufffd'));
    expect(tags.of('\ud800').name).toBe('\ufffd');
  });

  it('knows no step of a new tag, and has no entry for it', () => {
    const tags = new TagTable([]);
    expect(tags.of('a').step).toBeNaN();
    tags.commit();
    expect(tags.entries()).toEqual([]);
  });

  it('rolls back to what was committed', () => {
    const tags = new TagTable([]);
    const tag = tags.of('a');
    tags.move(tag, 3, 0, false);
    tags.commit();
    tags.move(tag, 4, 1, true);
    tags.move(tag, 5, 2, true);
    expect(tags.entries()).toEqual([['a', 3, 0, false]]);
    tags.rollBack();
    expect(tag).toMatchObject({ step: 3, subRun: 0, ownAxis: false });
  });

  it('keeps where a tag is that may continue from any step', () => {
    const tags = new TagTable([['epoch/loss', 9, 1, true]]);
    tags.rewind(5);
    tags.commit();
    expect(tags.entries()).toEqual([['epoch/loss', null, 1, true]]);
    expect(new TagTable(tags.entries()).of('epoch/loss')).toMatchObject({ step: Number.NaN, subRun: 1 });
  });

  it('lets steps come again from the one it is taken back to', () => {
    const tags = new TagTable([
      ['before', 4, 0, false],
      ['at', 5, 0, false],
      ['after', 9, 0, false],
    ]);
    tags.rewind(5);
    expect(['before', 'at', 'after'].map((key) => tags.of(key).step)).toEqual([4, 4, 4]);
  });
});

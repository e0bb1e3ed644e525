import { describe, expect, it } from 'vitest';
import { freeArrays, KeptMemory, releaseThreadMemory } from '../../src/base/thread-memory.ts';

function free({ words }: { words: Int32Array }): boolean {
  freeArrays(words);
  return false;
}

describe('memory that a thread keeps', () => {
  it('is handed to one holder at a time', () => {
    const memory = new KeptMemory<{ words: Int32Array }>(free);
    const first = { words: new Int32Array(4) };
    memory.keep(first);

    const taken = [memory.take(), memory.take()];

    expect(taken).toEqual([first, undefined]);
    expect(first.words.length).toBe(4);
  });

  it('is freed at once when it is released, and not while somebody has it', () => {
    const memory = new KeptMemory<{ words: Int32Array }>(free);
    const [kept, held] = [{ words: new Int32Array(4) }, { words: new Int32Array(4) }];
    memory.keep(held);
    memory.take();
    memory.keep(kept);

    releaseThreadMemory();

    expect(kept.words.length).toBe(0);
    expect(held.words.length).toBe(4);
    expect(memory.take()).toBeUndefined();
  });
});

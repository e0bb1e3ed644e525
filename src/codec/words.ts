/**
 * The words of a range of bytes. `emitAll` takes them as keys, and finds and folds short ASCII words without calling anything
 * for each of them.
 */
import type { BytesRange } from './bytes-range.ts';

/** Whether 'The' and 'the' are one word. */
export type LetterCase = 'lower' | 'keep';

export interface Words extends Iterable<BytesRange> {
  readonly range: BytesRange;
  readonly letterCase: LetterCase;
  /**
   * Calls `visit` with each word from byte `from` of the range on, which must not be inside a word. The word is one object that
   * changes, valid until `visit` returns.
   */
  visit(visit: (word: BytesRange) => void, from?: number): void;
}

export function isWords(keys: Iterable<unknown>): keys is Words {
  // The cast: any property of an object may be read.
  return typeof keys === 'object' && (keys as Partial<Words>).letterCase !== undefined && 'range' in keys;
}

/**
 * The words of a text or of a range of bytes. `emitAll` takes them as keys, and finds and folds short ASCII words without calling
 * anything for each of them.
 */
import type { BytesRange } from './bytes-range.ts';

/** Whether 'The' and 'the' are one word. */
export type LetterCase = 'lower' | 'keep';

/** Has either a `text` or a `range`. */
export interface Words<W = string | BytesRange> extends Iterable<W> {
  readonly text?: string;
  readonly range?: BytesRange;
  readonly letterCase: LetterCase;
  /**
   * Calls `visit` with each word from `from` on, a position in the text or range that is not inside a word. A range is one
   * object that changes, valid until `visit` returns.
   */
  visit(visit: (word: W) => void, from?: number): void;
}

export function isWords(keys: Iterable<unknown>): keys is Words {
  // The cast: any property of an object may be read.
  const { letterCase, text, range } = keys as Partial<Words>;
  return letterCase !== undefined && (text !== undefined || range !== undefined);
}

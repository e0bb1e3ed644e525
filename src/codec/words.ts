/**
 * The words of a text or of a range of bytes. `emitAll` takes them as keys, and finds and folds short ASCII words without calling
 * anything for each of them.
 */
import { MapReduceError } from '../base/errors.ts';
import { preview } from '../base/show-value.ts';
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

/** @throws JobDefinitionError for anything but a LetterCase */
export function assertLetterCase(letterCase: unknown): void {
  if (letterCase === 'lower' || letterCase === 'keep') return;
  throw new MapReduceError(
    'JobDefinitionError',
    `the letter case of words must be 'lower' or 'keep'; received ${preview(letterCase)}`,
  );
}

export function isWords(keys: Iterable<unknown>): keys is Words {
  if (typeof keys !== 'object' || keys === null) return false;
  // The cast: any property of an object may be read.
  const { letterCase, text, range } = keys as Partial<Words>;
  return letterCase !== undefined && (text !== undefined || range !== undefined);
}

/** What writeText() returns for a text that is too long. */
export const TOO_LONG = -1;
const UTF8_BYTES_PER_UNIT_MAX = 3;
const utf8 = new TextEncoder();

/** Writes the text of the words to the start of `target`, as UTF-8, if it takes at most `bytesMax`. Returns its length in bytes. */
export function writeText({ text, range }: Words, target: Buffer, bytesMax: number): number {
  if (text !== undefined) {
    return text.length > bytesMax / UTF8_BYTES_PER_UNIT_MAX
      ? TOO_LONG
      : utf8.encodeInto(text, target).written;
  }
  const { bytes, start, end } = range!;
  if (end - start > bytesMax) return TOO_LONG;
  target.set(bytes.subarray(start, end));
  return end - start;
}

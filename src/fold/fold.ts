/** Folds the values of a key into one value. */
import type { ByteSink, Codec } from '../codec/codec.ts';

export interface ValueFold {
  /** Takes the first value of a group. */
  start(bytes: Buffer, from: number, to: number): void;
  /** Takes each further value, in order. */
  add(bytes: Buffer, from: number, to: number): void;
  /** Appends the folded value of the group. */
  writeTo(sink: ByteSink): void;
  /** Whether the folded value of a single value has the same bytes as that. */
  readonly keepsSingle?: boolean;
  /** The folded value of the group. */
  readonly value: unknown;
}

export interface Folding {
  readonly fold: ValueFold;
  /** Used in messages. */
  readonly key: Codec<unknown>;
}

export interface FoldCounts {
  recordsRead: number;
  recordsWritten: number;
}

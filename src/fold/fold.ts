/** Folds the values of a key into one value. */
import type { ByteSink } from '../codec/codec.ts';

export interface ValueFold {
  /** Takes the first value of a group. */
  start(bytes: Buffer, from: number, to: number): void;
  /** Takes each further value, in order. */
  add(bytes: Buffer, from: number, to: number): void;
  /** Appends the folded value of the group. */
  writeTo(sink: ByteSink): void;
  /** The folded value of the group. */
  readonly value: unknown;
}

/** What folds the values of a key, however it does so. */
import type { ByteSink } from '../codec/codec.ts';

export interface ValueFold {
  /** The first value of a group. */
  start(bytes: Buffer, from: number, to: number): void;
  /** Each further one, in order. */
  add(bytes: Buffer, from: number, to: number): void;
  /** Appends the group's one value. */
  writeTo(sink: ByteSink): void;
  /** The group's one value. */
  readonly value: unknown;
}

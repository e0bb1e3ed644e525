/**
 * Holds the values of one group for reduce, which reads them lazily and in order. Each iteration starts at the first
 * value. Values are stored encoded. If a group exceeds its memory, its values are spilled to a local file, so a giant
 * group takes disk space instead of memory.
 *
 *     value:  varint length, bytes
 */
import { closeSync, ftruncateSync } from 'node:fs';
import { copyBytes } from '../base/byte-ranges.ts';
import { MapReduceError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { readVarint, VARINT_BYTES_MAX, varintEnd, writeVarint } from '../base/varint.ts';
import type { Codec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { openLocalFile, readAt, writeFully } from '../storage/local-file.ts';

const READ_BYTES = 256 * 1024;

/** One object per group, so that `values` kept from an earlier group do not yield values of the current one. */
class CurrentGroup implements Iterable<unknown> {
  readonly #values: GroupValues;
  readonly #group: number;

  constructor(values: GroupValues, group: number) {
    this.#values = values;
    this.#group = group;
  }

  [Symbol.iterator](): Generator<unknown, undefined> {
    return this.#values.valuesOf(this.#group);
  }
}

export class GroupValues {
  readonly #codec: Codec<unknown>;
  readonly #memoryBytes: number;
  readonly #path: string;
  readonly #progress: Pick<Progress, 'steps'>;
  readonly #sink = new GrowableSink(4096);
  #file: number | undefined;
  #fileBytes = 0;
  /** The buffer for reading the file; undefined while an iteration uses it. */
  #read: Buffer | undefined;
  #groups = 0;
  /** The bytes spilled during the whole attempt. */
  bytesSpilled = 0;
  spills = 0;

  constructor({
    codec,
    memoryBytes,
    path,
    progress,
  }: {
    codec: Codec<unknown>;
    memoryBytes: number;
    path: string;
    /** Each value read counts as one step. */
    progress: Pick<Progress, 'steps'>;
  }) {
    this.#progress = progress;
    this.#codec = codec;
    this.#memoryBytes = memoryBytes;
    this.#path = path;
  }

  clear(): void {
    this.#groups++;
    this.#sink.reset();
    if (this.#fileBytes > 0) {
      ftruncateSync(this.#file!, 0);
      this.#fileBytes = 0;
    }
  }

  add(bytes: Buffer, start: number, end: number): void {
    const sink = this.#sink;
    const length = end - start;
    if (sink.end + length > this.#memoryBytes && sink.end > 0) this.#spill();
    sink.reserve(length + VARINT_BYTES_MAX);
    sink.end = copyBytes(bytes, start, end, sink.bytes, writeVarint(length, sink.bytes, sink.end));
  }

  /** The values added since clear(). reduce() may keep the iterable, but reading it after clear() or close() throws. */
  current(): Iterable<unknown> {
    return new CurrentGroup(this, this.#groups);
  }

  /** @throws JobDefinitionError if `group` has ended */
  *valuesOf(group: number): Generator<unknown, undefined> {
    this.#assertCurrent(group);
    if (this.#fileBytes > 0) yield* this.#valuesOfFile(group);
    const { bytes, end } = this.#sink;
    for (let at = 0; at < end; ) {
      const start = varintEnd(bytes, at);
      const valueEnd = start + readVarint(bytes, at);
      this.#progress.steps++;
      yield this.#codec.decode(bytes, start, valueEnd);
      this.#assertCurrent(group);
      at = valueEnd;
    }
  }

  close(): void {
    this.#groups++;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #spill(): void {
    this.#file ??= openLocalFile(this.#path, 'w+');
    // The position is passed explicitly, because clear() may have truncated the file.
    writeFully(this.#file, this.#sink.bytes.subarray(0, this.#sink.end), this.#fileBytes);
    this.#fileBytes += this.#sink.end;
    this.bytesSpilled += this.#sink.end;
    this.spills++;
    this.#sink.reset();
  }

  #assertCurrent(group: number): void {
    if (group === this.#groups) return;
    throw new MapReduceError(
      'JobDefinitionError',
      'the values of a group were read after its reduce() had returned. Read them inside reduce(), or copy those you need later',
      { details: { phase: 'reduce' } },
    );
  }

  *#valuesOfFile(group: number): Generator<unknown, undefined> {
    const lent = this.#read ?? Buffer.allocUnsafeSlow(READ_BYTES);
    this.#read = undefined;
    try {
      yield* this.#readFile(lent, group);
    } finally {
      this.#read = lent;
    }
  }

  *#readFile(lent: Buffer, group: number): Generator<unknown, undefined> {
    let buffer = lent;
    let at = 0;
    let end = 0;
    let fileAt = 0;
    const fill = (neededBytes: number): void => {
      if (end - at >= neededBytes) return;
      if (neededBytes > buffer.length) {
        const larger = Buffer.allocUnsafeSlow(neededBytes + READ_BYTES);
        buffer.copy(larger, 0, at, end);
        buffer = larger;
      } else {
        buffer.copyWithin(0, at, end);
      }
      end -= at;
      at = 0;
      while (end < neededBytes) {
        const read = readAt(this.#file!, buffer, { start: end, end: buffer.length, position: fileAt });
        if (read === 0)
          throw new MapReduceError(
            'StorageError',
            `${this.#path} was truncated while it was read. Do not change files in the scratch folder during a run`,
          );
        fileAt += read;
        end += read;
      }
    };
    while (at < end || fileAt < this.#fileBytes) {
      const left = end - at + (this.#fileBytes - fileAt);
      fill(Math.min(VARINT_BYTES_MAX, left));
      const start = varintEnd(buffer, at);
      const length = readVarint(buffer, at);
      const headerBytes = start - at;
      fill(headerBytes + length);
      const valueStart = at + headerBytes;
      this.#progress.steps++;
      yield this.#codec.decode(buffer, valueStart, valueStart + length);
      this.#assertCurrent(group);
      at = valueStart + length;
    }
  }
}

/** Reads bytes with a source as the engine does, without a store. */
import { MapReduceError } from '../../src/base/errors.ts';
import type { BadRecord, OpenPiece, PlainJson, Source } from '../../src/formats/source.ts';

export interface ReadOptions {
  readonly start?: number;
  /** Default: the end of the bytes. */
  readonly end?: number;
  /** Default: 64 KiB. */
  readonly chunkBytes?: number;
  readonly recordBytesMax?: number;
  readonly hint?: PlainJson;
  readonly params?: NonNullable<OpenPiece['params']>;
  /** How many bad records are skipped. Default: none. */
  readonly skip?: number;
}

export interface SourceRead<R> {
  /** What `keep` made of each record, in order. */
  readonly records: R[];
  readonly offsets: number[];
  readonly unitsRead: number;
  readonly bad: BadRecord[];
  readonly counts: Record<string, number>;
  readonly covered: { readonly startBytes: number; readonly endBytes: number } | undefined;
}

/**
 * Each chunk is overwritten as soon as the source asks for the next one, and when it is done.
 *
 * @param keep  copies what must outlive the call
 */
export async function readSource<R, K = R>(
  source: Source<R>,
  bytes: Buffer,
  options: ReadOptions = {},
  keep: (record: R) => K = (record) => record as unknown as K,
): Promise<SourceRead<K>> {
  const { start = 0, end = bytes.length, chunkBytes = 64 * 1024, skip = 0 } = options;
  const records: K[] = [];
  const offsets: number[] = [];
  const bad: BadRecord[] = [];
  const counts: Record<string, number> = {};
  const piece: OpenPiece = {
    file: 'memory',
    startBytes: start,
    endBytes: end === bytes.length ? Number.POSITIVE_INFINITY : end,
    ...(options.hint === undefined ? {} : { hint: options.hint }),
    ...(options.params === undefined ? {} : { params: options.params }),
    look: source.look?.(bytes.subarray(0, 512)),
    recordBytesMax: options.recordBytesMax ?? 64 * 1024 * 1024,
    async *chunks() {
      for (let at = Math.max(0, start - 1); at < bytes.length; at += chunkBytes) {
        const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes));
        yield chunk;
        chunk.fill(0xee);
      }
    },
    range: async (from, to) => Buffer.from(bytes.subarray(from, to)),
    bad(record) {
      bad.push(record);
      if (bad.length > skip) {
        throw new MapReduceError('BadRecordError', `memory, byte ${record.offset}: ${record.message}`);
      }
    },
    count(counter, amount = 1) {
      counts[counter] = (counts[counter] ?? 0) + amount;
    },
  };
  const reader = source.read(piece);
  for await (const batch of reader) {
    batch.forEach((record) => {
      offsets.push(reader.offset());
      records.push(keep(record));
    });
  }
  return { records, offsets, bad, counts, unitsRead: reader.unitsRead, covered: reader.covered?.() };
}

/** Reads all pieces that the cuts make, as one. The units of the pieces are added up. */
export async function readInPieces<R, K = R>(
  source: Source<R>,
  bytes: Buffer,
  { cuts, ...options }: ReadOptions & { readonly cuts: readonly number[] },
  keep?: (record: R) => K,
): Promise<SourceRead<K>> {
  const ends = [...cuts, bytes.length];
  const all: SourceRead<K> = {
    records: [],
    offsets: [],
    unitsRead: 0,
    bad: [],
    counts: {},
    covered: undefined,
  };
  let unitsRead = 0;
  for (const [index, end] of ends.entries()) {
    const read = await readSource(source, bytes, { ...options, start: ends[index - 1] ?? 0, end }, keep);
    all.records.push(...read.records);
    all.offsets.push(...read.offsets);
    all.bad.push(...read.bad);
    for (const [counter, amount] of Object.entries(read.counts)) {
      all.counts[counter] = (all.counts[counter] ?? 0) + amount;
    }
    unitsRead += read.unitsRead;
  }
  return { ...all, unitsRead };
}

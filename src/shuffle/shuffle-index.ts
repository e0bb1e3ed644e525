/**
 * The shuffle index, ordered by partition. It tells each reducer where its records are in every shuffle object. The map
 * barrier writes it once, from the footers of the M objects. A reducer then learns all of its ranges with one to three
 * reads instead of M.
 *
 *     | "SMRI" version 0 0 0 | maps (u32) partitions (u32) objects bytes (u32) CRC-32 of the objects (u32) |
 *     | objects: JSON, an array of [key, etag] in the order of the map tasks                                |
 *     | row of partition 0 | row of partition 1 | ...                                                       |
 *
 *   row: CRC-32 of the rest of the row (u32), then for each map task: start (f64), length (f64), records (f64)
 */
import { crc32 } from 'node:zlib';
import { KiB } from '../base/limits.ts';
import { parseJson } from '../codec/parse-json.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { corrupt } from './block.ts';
import type { RunSegment } from './run-reader.ts';
import type { PartitionExtent } from './run-writer.ts';

const MAGIC = 'SMRI';
const VERSION = 1;
const HEADER_BYTES = 24;
const ENTRY_BYTES = 24;
const ROW_HEADER_BYTES = 4;
/** The size of the first read. It covers the whole index of a small job, and the header and objects of larger ones. */
const HEAD_BYTES = 64 * KiB;

export interface IndexedObject {
  readonly key: string;
  readonly etag: string;
}

/** The size of the index without the names of the objects. 229 MiB for 10,000 map tasks and 1,000 partitions. */
export function shuffleIndexBytes({ maps, partitions }: { maps: number; partitions: number }): number {
  return HEADER_BYTES + partitions * rowBytesOf(maps);
}

/**
 * Builds the index. It takes the footers one by one, in any order, and keeps none of them, because as JavaScript
 * objects they would take several times the memory of the index.
 */
export class ShuffleIndexBuilder {
  readonly #bytes: Buffer;
  readonly #maps: number;
  readonly #partitions: number;
  readonly #rowsStart: number;

  /** @param objects  in the order of the map tasks */
  constructor(objects: readonly IndexedObject[], partitions: number) {
    const names = Buffer.from(JSON.stringify(objects.map(({ key, etag }) => [key, etag])));
    this.#maps = objects.length;
    this.#partitions = partitions;
    this.#rowsStart = HEADER_BYTES + names.length;
    this.#bytes = Buffer.alloc(shuffleIndexBytes({ maps: this.#maps, partitions }) + names.length);
    this.#bytes.write(MAGIC, 'latin1');
    this.#bytes[4] = VERSION;
    this.#bytes.writeUInt32LE(this.#maps, 8);
    this.#bytes.writeUInt32LE(partitions, 12);
    this.#bytes.writeUInt32LE(names.length, 16);
    this.#bytes.writeUInt32LE(crc32(names), 20);
    names.copy(this.#bytes, HEADER_BYTES);
  }

  /** Called once per map task, with one extent per partition. */
  add(map: number, extents: readonly PartitionExtent[]): void {
    const bytes = this.#bytes;
    const step = rowBytesOf(this.#maps);
    let at = this.#rowsStart + ROW_HEADER_BYTES + map * ENTRY_BYTES;
    for (const { startBytes, lengthBytes, records } of extents) {
      bytes.writeDoubleLE(startBytes, at);
      bytes.writeDoubleLE(lengthBytes, at + 8);
      bytes.writeDoubleLE(records, at + 16);
      at += step;
    }
  }

  get indexBytes(): number {
    return this.#bytes.length;
  }

  /** Bytes of the list of objects. */
  get namesBytes(): number {
    return this.#rowsStart - HEADER_BYTES;
  }

  /** The size of what each map task wrote for a partition, without those that wrote nothing. Called after the last add(). */
  cellsBytes(partition: number): number[] {
    const row = this.#rowsStart + partition * rowBytesOf(this.#maps) + ROW_HEADER_BYTES;
    const sizes: number[] = [];
    for (let map = 0; map < this.#maps; map++) {
      const lengthBytes = this.#bytes.readDoubleLE(row + map * ENTRY_BYTES + 8);
      if (lengthBytes > 0) sizes.push(lengthBytes);
    }
    return sizes;
  }

  finish(): Buffer {
    const bytes = this.#bytes;
    const step = rowBytesOf(this.#maps);
    for (let partition = 0; partition < this.#partitions; partition++) {
      const row = this.#rowsStart + partition * step;
      bytes.writeUInt32LE(crc32(bytes.subarray(row + ROW_HEADER_BYTES, row + step)), row);
    }
    return bytes;
  }
}

function rowBytesOf(maps: number): number {
  return ROW_HEADER_BYTES + maps * ENTRY_BYTES;
}

/** How many reads all reducers together need for the index, whose list of objects has this many bytes. See readPartitionSegments(). */
export function indexReads({
  maps,
  partitions,
  namesBytes,
}: {
  maps: number;
  partitions: number;
  namesBytes: number;
}): number {
  const namesEnd = HEADER_BYTES + namesBytes;
  // Its first read, one for the names if they do not fit into it, and one for the row.
  if (namesEnd > HEAD_BYTES) return 3 * partitions;
  const rowsInHead = Math.floor((HEAD_BYTES - namesEnd) / rowBytesOf(maps));
  return 2 * partitions - Math.min(partitions, rowsInHead);
}

/**
 * Reads the segments of one partition in the order of the map tasks, without empty ones.
 *
 * @throws CorruptShuffleError if the index is damaged
 */
export async function readPartitionSegments(
  store: ObjectStore,
  indexKey: string,
  partition: number,
): Promise<RunSegment[]> {
  const head = await store.get(indexKey, { range: { start: 0, end: HEAD_BYTES } });
  const header = head.subarray(0, HEADER_BYTES);
  if (header.length !== HEADER_BYTES || header.toString('latin1', 0, 4) !== MAGIC || header[4] !== VERSION) {
    throw corrupt(indexKey, `it is not a shuffle index of version ${VERSION}`);
  }
  const maps = header.readUInt32LE(8);
  const partitions = header.readUInt32LE(12);
  const namesEnd = HEADER_BYTES + header.readUInt32LE(16);
  if (partition >= partitions)
    throw corrupt(indexKey, `it has ${partitions} partitions, so it has no partition ${partition}`);
  const rowBytes = rowBytesOf(maps);
  const rowStart = namesEnd + partition * rowBytes;
  const bytes = async (start: number, end: number): Promise<Buffer> =>
    end <= head.length ? head.subarray(start, end) : store.get(indexKey, { range: { start, end } });
  const [names, row] = await Promise.all([
    bytes(HEADER_BYTES, namesEnd),
    bytes(rowStart, rowStart + rowBytes),
  ]);
  if (crc32(names) !== header.readUInt32LE(20))
    throw corrupt(indexKey, 'the checksum of its list of objects does not match');
  if (row.length !== rowBytes || crc32(row.subarray(ROW_HEADER_BYTES)) !== row.readUInt32LE(0)) {
    throw corrupt(indexKey, `the checksum of partition ${partition} does not match`);
  }
  // The cast: the checksum shows that the builder wrote this.
  const objects = parseJson(names.toString()) as [key: string, etag: string][];
  const segments: RunSegment[] = [];
  for (let map = 0; map < maps; map++) {
    const at = ROW_HEADER_BYTES + map * ENTRY_BYTES;
    const startBytes = row.readDoubleLE(at);
    const lengthBytes = row.readDoubleLE(at + 8);
    if (lengthBytes === 0) continue;
    const [key, etag] = objects[map]!;
    segments.push({
      store,
      key,
      etag,
      startBytes,
      endBytes: startBytes + lengthBytes,
      records: row.readDoubleLE(at + 16),
    });
  }
  return segments;
}

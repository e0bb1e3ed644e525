/**
 * The partition-major index: for each reducer, where its records lie in every shuffle object. It is written once, at
 * the map barrier, from the footers of the M objects; a reducer then needs one read to three, not M, to know all its ranges.
 *
 *     | "SMRI" version 0 0 0 | maps (u32) partitions (u32) objects bytes (u32) CRC-32 of the objects (u32) |
 *     | objects: JSON, an array of [key, etag] in the order of the map tasks                                |
 *     | row of partition 0 | row of partition 1 | ...                                                       |
 *
 *   row: CRC-32 of the rest of the row (u32), then for each map task: start (f64), length (f64), records (f64)
 */
import { crc32 } from 'node:zlib';
import { KiB } from '../limits.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { corrupt } from './block.ts';
import type { RunSegment } from './run-reader.ts';
import type { PartitionExtent } from './run-writer.ts';

const MAGIC = 'SMRI';
const VERSION = 1;
const HEADER_BYTES = 24;
const ENTRY_BYTES = 24;
const ROW_HEADER_BYTES = 4;
/** Fetched at first: the whole index of a small job, with up to some hundred map tasks all but the row. */
const HEAD_BYTES = 64 * KiB;

export interface IndexedObject {
  readonly key: string;
  readonly etag: string;
  readonly extents: readonly PartitionExtent[];
}

export function encodeShuffleIndex(objects: readonly IndexedObject[], partitions: number): Buffer {
  const names = Buffer.from(JSON.stringify(objects.map(({ key, etag }) => [key, etag])));
  const rowBytes = ROW_HEADER_BYTES + objects.length * ENTRY_BYTES;
  const bytes = Buffer.alloc(HEADER_BYTES + names.length + partitions * rowBytes);
  bytes.write(MAGIC, 'latin1');
  bytes[4] = VERSION;
  bytes.writeUInt32LE(objects.length, 8);
  bytes.writeUInt32LE(partitions, 12);
  bytes.writeUInt32LE(names.length, 16);
  bytes.writeUInt32LE(crc32(names), 20);
  names.copy(bytes, HEADER_BYTES);
  let at = HEADER_BYTES + names.length;
  for (let partition = 0; partition < partitions; partition++) {
    const row = at;
    at += ROW_HEADER_BYTES;
    for (const { extents } of objects) {
      const extent = extents[partition]!;
      bytes.writeDoubleLE(extent.startBytes, at);
      bytes.writeDoubleLE(extent.lengthBytes, at + 8);
      bytes.writeDoubleLE(extent.records, at + 16);
      at += ENTRY_BYTES;
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(row + ROW_HEADER_BYTES, at)), row);
  }
  return bytes;
}

/** The segments of one partition that hold records, in the order of the map tasks. Throws CorruptShuffleError. */
export async function readPartitionSegments(
  store: ObjectStore,
  indexKey: string,
  partition: number,
): Promise<RunSegment[]> {
  const head = await store.get(indexKey, { range: { start: 0, end: HEAD_BYTES } });
  const header = head.subarray(0, HEADER_BYTES);
  if (header.length !== HEADER_BYTES || header.toString('latin1', 0, 4) !== MAGIC || header[4] !== VERSION) {
    throw corrupt(indexKey, `it is no shuffle index of version ${VERSION}`);
  }
  const maps = header.readUInt32LE(8);
  const partitions = header.readUInt32LE(12);
  const namesEnd = HEADER_BYTES + header.readUInt32LE(16);
  if (partition >= partitions)
    throw corrupt(indexKey, `it has ${partitions} partitions, so none numbered ${partition}`);
  const rowBytes = ROW_HEADER_BYTES + maps * ENTRY_BYTES;
  const rowStart = namesEnd + partition * rowBytes;
  const bytes = async (start: number, end: number): Promise<Buffer> =>
    end <= head.length ? head.subarray(start, end) : store.get(indexKey, { range: { start, end } });
  const [names, row] = await Promise.all([
    bytes(HEADER_BYTES, namesEnd),
    bytes(rowStart, rowStart + rowBytes),
  ]);
  if (crc32(names) !== header.readUInt32LE(20))
    throw corrupt(indexKey, 'the checksum of its objects differs');
  if (row.length !== rowBytes || crc32(row.subarray(ROW_HEADER_BYTES)) !== row.readUInt32LE(0)) {
    throw corrupt(indexKey, `the checksum of partition ${partition} differs`);
  }
  const objects = JSON.parse(names.toString()) as [key: string, etag: string][];
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

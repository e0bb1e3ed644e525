/**
 * A file of typed records: what `records(key, value)` writes and reads.
 *
 *   header   offset  size
 *                 0     8   magic: "mrrecs", 0, version
 *                 8     4   CRC-32 of the types (little-endian, like all numbers here)
 *                12     4   length of the types
 *                16   ...   types, as JSON: {"key":"string","value":"number"}
 *
 *   blocks          ...     of src/shuffle/block.ts, each with its own checksum
 *
 *   index             8     for each block: its length and its number of records, 4 bytes each
 *
 *   footer        0     8   where the index starts
 *                 8     8   number of records
 *                16     4   number of blocks
 *                20     4   CRC-32 of the index and of the first 20 bytes of the footer
 *                24     8   magic: "mrrend", 0, version
 *
 * So a reader finds whole blocks from the end of the file, and a file that is cut off has no footer.
 */
import { crc32 } from 'node:zlib';
import { readField } from '../base/thrown.ts';
import { parseJson } from '../codec/parse-json.ts';

const VERSION = 1;
const HEADER_MAGIC = Buffer.from(`mrrecs\0${String.fromCharCode(VERSION)}`);
const FOOTER_MAGIC = Buffer.from(`mrrend\0${String.fromCharCode(VERSION)}`);
const TYPES_AT = 16;
const INDEX_ENTRY_BYTES = 8;
/** Where the checksum is in the footer: it covers what is before it. */
const FOOTER_CRC_AT = 20;
export const FOOTER_BYTES = 32;

/** The names of the codecs that encoded the records. */
export interface RecordTypes {
  readonly key: string;
  readonly value: string;
}

export interface BlockEntry {
  readonly lengthBytes: number;
  readonly records: number;
}

export interface Footer {
  readonly indexStart: number;
  readonly records: number;
  readonly blocks: number;
}

export function encodeHeader({ key, value }: RecordTypes): Buffer {
  const types = Buffer.from(JSON.stringify({ key, value }));
  const header = Buffer.alloc(TYPES_AT);
  HEADER_MAGIC.copy(header);
  header.writeUInt32LE(crc32(types), 8);
  header.writeUInt32LE(types.length, 12);
  return Buffer.concat([header, types]);
}

export const NOT_RECORDS = 'it is not a file that records() wrote';

/** @returns how many bytes the header has, of which `head` may hold only the first; or what is wrong, as a text */
export function headerBytes(head: Buffer): number | string {
  const magic = head.subarray(0, HEADER_MAGIC.length);
  if (magic.equals(HEADER_MAGIC)) {
    return head.length < TYPES_AT ? TYPES_AT : TYPES_AT + head.readUInt32LE(12);
  }
  if (magic.subarray(0, -1).equals(HEADER_MAGIC.subarray(0, -1))) {
    return `it has version ${magic.at(-1)} of the format, and this version of mapreduce reads version ${VERSION}`;
  }
  return NOT_RECORDS;
}

/** @param header  the whole header, as headerBytes() says. @returns what is wrong, as a text */
export function decodeTypes(header: Buffer): RecordTypes | string {
  const types = header.subarray(TYPES_AT);
  if (header.length < TYPES_AT || types.length !== header.readUInt32LE(12)) return 'its header is cut off';
  if (crc32(types) !== header.readUInt32LE(8)) return 'the checksum of its header does not match';
  const parsed = parseJson(types.toString());
  const [key, value] = ['key', 'value'].map((name) => readField(Object(parsed), name));
  return typeof key === 'string' && typeof value === 'string' ? { key, value } : 'its header names no types';
}

export function encodeIndex(entries: readonly BlockEntry[], indexStart: number): Buffer {
  const indexBytes = entries.length * INDEX_ENTRY_BYTES;
  const bytes = Buffer.alloc(indexBytes + FOOTER_BYTES);
  let records = 0;
  for (const [i, entry] of entries.entries()) {
    bytes.writeUInt32LE(entry.lengthBytes, i * INDEX_ENTRY_BYTES);
    bytes.writeUInt32LE(entry.records, i * INDEX_ENTRY_BYTES + 4);
    records += entry.records;
  }
  bytes.writeBigUInt64LE(BigInt(indexStart), indexBytes);
  bytes.writeBigUInt64LE(BigInt(records), indexBytes + 8);
  bytes.writeUInt32LE(entries.length, indexBytes + 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, indexBytes + FOOTER_CRC_AT)), indexBytes + FOOTER_CRC_AT);
  FOOTER_MAGIC.copy(bytes, indexBytes + 24);
  return bytes;
}

/** @param footer  the last FOOTER_BYTES of the file. @returns what is wrong, as a text */
export function decodeFooter(footer: Buffer, fileBytes: number): Footer | string {
  if (footer.length !== FOOTER_BYTES || !footer.subarray(24).equals(FOOTER_MAGIC)) {
    return 'its footer is missing, so it is cut off';
  }
  const indexStart = Number(footer.readBigUInt64LE(0));
  const records = Number(footer.readBigUInt64LE(8));
  const blocks = footer.readUInt32LE(16);
  if (indexStart + blocks * INDEX_ENTRY_BYTES + FOOTER_BYTES !== fileBytes) {
    return `its footer describes a file of another size than ${fileBytes} bytes`;
  }
  return { indexStart, records, blocks };
}

/**
 * @param bytes  index and footer
 * @param blocksStart  where the first block starts
 * @returns what is wrong, as a text
 */
export function decodeIndex(bytes: Buffer, footer: Footer, blocksStart: number): BlockEntry[] | string {
  const indexBytes = footer.blocks * INDEX_ENTRY_BYTES;
  const isWhole = bytes.length === indexBytes + FOOTER_BYTES;
  const covered = bytes.subarray(0, indexBytes + FOOTER_CRC_AT);
  if (!isWhole || crc32(covered) !== bytes.readUInt32LE(covered.length)) {
    return 'the checksum of its index does not match';
  }
  const entries: BlockEntry[] = [];
  let end = blocksStart;
  let records = 0;
  for (let at = 0; at < indexBytes; at += INDEX_ENTRY_BYTES) {
    const entry = { lengthBytes: bytes.readUInt32LE(at), records: bytes.readUInt32LE(at + 4) };
    entries.push(entry);
    end += entry.lengthBytes;
    records += entry.records;
  }
  return end === footer.indexStart && records === footer.records
    ? entries
    : 'its index and its footer contradict each other';
}

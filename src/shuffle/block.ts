/**
 * A block: some records of one partition, in key order; what is compressed, checksummed and held in memory at once.
 *
 *   offset  size
 *        0     4   CRC-32 of everything behind it in this block (little-endian, like all numbers here)
 *        4     4   stored payload bytes
 *        8     4   raw payload bytes
 *       12     4   records
 *       16     1   payload codec: 0 raw, 1 zstd
 *       17     3   0
 *       20   ...   payload
 *
 * The raw payload is a sequence of records:
 *
 *   varint h            0: the same key as the record before; n: a key of n - 1 bytes follows
 *   varint v            length of the value
 *   key (h - 1 bytes)   not there when h is 0
 *   value (v bytes)
 *
 * A block's first record never has h = 0, so that blocks can be read on their own. A payload that does not shrink by
 * an eighth is stored raw: reading it back then costs nothing.
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { takeBuffer } from '../base/buffer-pool.ts';
import { crc32Text } from '../base/crc32-text.ts';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';

export const BLOCK_HEADER_BYTES = 20;
/** A record may be as long as LIMITS.recordBytesMax, and a block holds at least one. */
export const BLOCK_RAW_BYTES_MAX = 2 * LIMITS.recordBytesMax;
const CODEC_RAW = 0;
const CODEC_ZSTD = 1;

export interface BlockHeader {
  readonly crc: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly records: number;
  readonly codec: number;
}

/** A copy of the raw payload as a finished block, in a buffer that may be given back to the pool. */
export function sealBlock(raw: Buffer, records: number, compression: BlockCompression): Buffer {
  if (compression.codec === 'zstd') {
    const packed = zstdCompressSync(raw, {
      params: { [constants.ZSTD_c_compressionLevel]: compression.level },
    });
    if (packed.length <= raw.length - (raw.length >>> 3))
      return assemble(packed, raw.length, records, CODEC_ZSTD);
  }
  return assemble(raw, raw.length, records, CODEC_RAW);
}

function assemble(payload: Buffer, rawBytes: number, records: number, codec: number): Buffer {
  const block = takeBuffer(BLOCK_HEADER_BYTES + payload.length);
  block.writeUInt32LE(payload.length, 4);
  block.writeUInt32LE(rawBytes, 8);
  block.writeUInt32LE(records, 12);
  block.writeUInt32LE(codec, 16);
  payload.copy(block, BLOCK_HEADER_BYTES);
  block.writeUInt32LE(crc32(block.subarray(4)), 0);
  return block;
}

/** Reads the header at `at`. Throws CorruptShuffleError when its numbers make no sense. */
export function readBlockHeader(bytes: Buffer, at: number, origin: string): BlockHeader {
  const header = {
    crc: bytes.readUInt32LE(at),
    storedBytes: bytes.readUInt32LE(at + 4),
    rawBytes: bytes.readUInt32LE(at + 8),
    records: bytes.readUInt32LE(at + 12),
    codec: bytes.readUInt32LE(at + 16),
  };
  if (
    header.codec > CODEC_ZSTD ||
    header.rawBytes > BLOCK_RAW_BYTES_MAX ||
    header.storedBytes > header.rawBytes ||
    header.records === 0
  ) {
    throw corrupt(origin, `a block header makes no sense (${JSON.stringify(header)})`);
  }
  return header;
}

/** Checks and unpacks a block that lies at `at`. The result may be a view of `bytes`. */
export function openBlock(bytes: Buffer, at: number, header: BlockHeader, origin: string): Buffer {
  const end = at + BLOCK_HEADER_BYTES + header.storedBytes;
  const actual = crc32(bytes.subarray(at + 4, end));
  if (actual !== header.crc) {
    throw corrupt(
      origin,
      `a block's checksum is ${crc32Text(actual)}, but ${crc32Text(header.crc)} was written`,
    );
  }
  const payload = bytes.subarray(at + BLOCK_HEADER_BYTES, end);
  if (header.codec === CODEC_RAW) return payload;
  let raw: Buffer;
  try {
    raw = zstdDecompressSync(payload, { maxOutputLength: header.rawBytes + 1 });
  } catch (error) {
    throw corrupt(origin, 'a block does not decompress', error);
  }
  if (raw.length !== header.rawBytes)
    throw corrupt(origin, `a block unpacks to ${raw.length} bytes, not ${header.rawBytes}`);
  return raw;
}

export function corrupt(origin: string, what: string, cause?: unknown): MapReduceError {
  return new MapReduceError('CorruptShuffleError', `${origin} is damaged: ${what}`, {
    details: { objectKey: origin },
    cause,
  });
}

export type BlockCompression =
  | { readonly codec: 'none' }
  | { readonly codec: 'zstd'; readonly level: number };

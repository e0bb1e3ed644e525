/**
 * A block holds records of one partition, in key order. It is compressed, checksummed and held in memory as a unit.
 *
 *   offset  size
 *        0     4   CRC-32 of the rest of this block (little-endian, like all numbers here)
 *        4     4   stored payload bytes
 *        8     4   raw payload bytes
 *       12     4   records
 *       16     1   payload codec: 0 raw, 1 zstd
 *       17     3   0
 *       20   ...   payload
 *
 * The raw payload is a sequence of records:
 *
 *   varint h            0: the same key as the previous record; n: a key of n - 1 bytes follows
 *   varint v            length of the value
 *   key (h - 1 bytes)   absent if h is 0
 *   value (v bytes)
 *
 * The first record of a block never has h = 0, so each block can be read on its own. If compression does not shrink a
 * payload by an eighth, it is stored raw, so that reading it back costs nothing.
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

/** Copies the raw payload into a finished block, in a buffer that may be given back to the pool. */
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

/**
 * Reads the header at `at`.
 *
 * @throws CorruptShuffleError if its numbers are invalid
 */
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
    throw corrupt(origin, `a block header is invalid (${JSON.stringify(header)})`);
  }
  return header;
}

/**
 * Verifies and decompresses the block at `at`. The result may be a view of `bytes`.
 *
 * @throws CorruptShuffleError if the block is damaged
 */
export function openBlock(bytes: Buffer, at: number, header: BlockHeader, origin: string): Buffer {
  const end = at + BLOCK_HEADER_BYTES + header.storedBytes;
  const actual = crc32(bytes.subarray(at + 4, end));
  if (actual !== header.crc) {
    throw corrupt(
      origin,
      `the checksum of a block is ${crc32Text(actual)}, but its header says ${crc32Text(header.crc)}`,
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
    throw corrupt(
      origin,
      `a block decompresses to ${raw.length} bytes, but its header says ${header.rawBytes}`,
    );
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

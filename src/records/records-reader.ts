import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import { MiB } from '../base/limits.ts';
import { readField } from '../base/thrown.ts';
import { readVarint, varintEnd } from '../base/varint.ts';
import type { Codec } from '../codec/codec.ts';
import { NO_BYTES } from '../codec/record-slice.ts';
import type { FileToCut, OpenPiece, Piece, RecordBatch, RecordReader } from '../formats/source.ts';
import { BLOCK_HEADER_BYTES, openBlock, readBlockHeader } from '../shuffle/block.ts';
import {
  decodeFooter,
  decodeIndex,
  decodeTypes,
  FOOTER_BYTES,
  headerBytes,
  NOT_RECORDS,
  type RecordTypes,
} from './records-file.ts';

/** How much is read at once. A block that crosses the end is read again. */
const WINDOW_BYTES = 4 * MiB;
/** Larger than the header of almost any types. */
const HEAD_BYTES = 4096;

/** What a piece needs beside its range: the end of its last block, and the number in the file of its first record. */
interface Hint {
  readonly endBytes: number;
  readonly first: number;
}

/** Cuts a file between blocks. @throws CorruptInputError */
export async function* cutRecords(file: FileToCut, expected: RecordTypes): AsyncGenerator<Piece> {
  const blocksStart = await checkHeader(file, expected);
  const footer = decodeFooter(
    await file.range(Math.max(0, file.sizeBytes - FOOTER_BYTES), file.sizeBytes),
    file.sizeBytes,
  );
  if (typeof footer === 'string') throw notReadable(footer);
  const entries = decodeIndex(await file.range(footer.indexStart, file.sizeBytes), footer, blocksStart);
  if (typeof entries === 'string') throw notReadable(entries);

  let startBytes = blocksStart;
  let endBytes = blocksStart;
  let first = 0;
  let records = 0;
  for (const [i, entry] of entries.entries()) {
    endBytes += entry.lengthBytes;
    records += entry.records;
    if (endBytes - startBytes < file.pieceBytes && i < entries.length - 1) continue;
    yield { startBytes, endBytes, records, hint: { endBytes, first } };
    startBytes = endBytes;
    first += records;
    records = 0;
  }
}

/** Verifies that a file starts as one of records() does, as far as `head` shows it. @throws CorruptInputError */
export function checkHead(head: Buffer, expected: RecordTypes): void {
  const size = headerBytes(head);
  if (typeof size === 'string') throw notReadable(size);
  if (size <= head.length) checkTypes(head.subarray(0, size), expected);
}

/** @returns where the first block starts */
async function checkHeader(file: FileToCut, expected: RecordTypes): Promise<number> {
  let head = await file.range(0, Math.min(HEAD_BYTES, file.sizeBytes));
  const size = headerBytes(head);
  if (typeof size === 'string') throw notReadable(size);
  if (size > file.sizeBytes) throw notReadable('its header is cut off');
  if (size > head.length) head = await file.range(0, size);
  checkTypes(head.subarray(0, size), expected);
  return size;
}

function checkTypes(header: Buffer, expected: RecordTypes): void {
  const types = decodeTypes(header);
  if (typeof types === 'string') throw notReadable(types);
  if (types.key === expected.key && types.value === expected.value) return;
  throw new MapReduceError(
    'CorruptInputError',
    `the file holds records of ${textOf(types)}, but the job reads records of ${textOf(expected)}. Give records() the key and value of the job that wrote the file.`,
  );
}

/** The names of codecs that encode keys say that they keep order, which does not matter here. */
function textOf({ key, value }: RecordTypes): string {
  return `key ${key.replaceAll('ordered-', '')} and value ${value.replaceAll('ordered-', '')}`;
}

const WRONG_FILE =
  'Read it with the format that it has, such as tsv() or jsonLines(), or remove it from --input.';

function notReadable(what: string, cause?: unknown): MapReduceError {
  return new MapReduceError(
    'CorruptInputError',
    `the file cannot be read as records(): ${what}. ${what === NOT_RECORDS ? WRONG_FILE : 'Copy it again, or run the job that wrote it again.'}`,
    { cause },
  );
}

/** Reads the records of whole blocks. */
export class RecordsReader<K, V> implements RecordReader<readonly [K, V]> {
  unitsRead = 0;

  readonly #piece: OpenPiece;
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;
  #first = 0;
  #endBytes = 0;
  /** Bytes of the file from `windowStart` on. */
  #window: Buffer = NO_BYTES;
  #windowStart = 0;

  constructor(piece: OpenPiece, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    this.#piece = piece;
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
  }

  /** The number in the file of the current record, from 0. */
  offset(): number {
    return this.#first + this.unitsRead;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch<readonly [K, V]>, undefined> {
    const { first, endBytes } = hintOf(this.#piece);
    this.#first = first;
    this.#endBytes = endBytes;
    let at = this.#piece.startBytes;
    while (at < this.#endBytes) {
      const { raw, records, lengthBytes } = await this.#block(at);
      yield { forEach: (deliver) => this.#deliver(raw, records, deliver) };
      at += lengthBytes;
    }
    const { records } = this.#piece;
    if (at !== this.#endBytes || this.unitsRead !== records) {
      throw notReadable(`a piece has ${this.unitsRead} records, but the index says ${records}`);
    }
  }

  async #block(at: number): Promise<{ raw: Buffer; records: number; lengthBytes: number }> {
    await this.#load(at, BLOCK_HEADER_BYTES);
    try {
      const header = readBlockHeader(this.#window, at - this.#windowStart, 'the file');
      const lengthBytes = BLOCK_HEADER_BYTES + header.storedBytes;
      await this.#load(at, lengthBytes);
      const raw = openBlock(this.#window, at - this.#windowStart, header, 'the file');
      return { raw, records: header.records, lengthBytes };
    } catch (error) {
      // The blocks of the shuffle are intermediate data, which a job repairs. Nothing can repair its input.
      if (!isMapReduceError(error, 'CorruptShuffleError')) throw error;
      throw notReadable(`at byte ${at}, ${error.message}`, error);
    }
  }

  /** Afterwards the window holds [at, at + sizeBytes). */
  async #load(at: number, sizeBytes: number): Promise<void> {
    const end = at + sizeBytes;
    if (at >= this.#windowStart && end <= this.#windowStart + this.#window.length) return;
    if (end <= this.#endBytes) {
      this.#window = await this.#piece.range(at, Math.max(end, Math.min(this.#endBytes, at + WINDOW_BYTES)));
      this.#windowStart = at;
      if (this.#window.length >= sizeBytes) return;
    }
    throw notReadable(`the block at byte ${at} is cut off`);
  }

  #deliver(raw: Buffer, records: number, deliver: (record: readonly [K, V]) => void): void {
    const keyCodec = this.#keyCodec;
    const valueCodec = this.#valueCodec;
    let keyStart = 0;
    let keyEnd = 0;
    let at = 0;
    for (let i = 0; i < records; i++) {
      const keyLength = readVarint(raw, at) - 1;
      at = varintEnd(raw, at);
      const valueLength = readVarint(raw, at);
      at = varintEnd(raw, at);
      if (keyLength >= 0) {
        keyStart = at;
        keyEnd = at + keyLength;
        at = keyEnd;
      }
      const valueEnd = at + valueLength;
      if (valueEnd > raw.length) throw notReadable('a block ends inside a record');
      deliver([keyCodec.decode(raw, keyStart, keyEnd), valueCodec.decode(raw, at, valueEnd)]);
      at = valueEnd;
      this.unitsRead += 1;
    }
    if (at !== raw.length) throw notReadable('a block has more bytes than records');
  }
}

function hintOf(piece: OpenPiece): Hint {
  const hint = Object(piece.hint);
  const [endBytes, first] = ['endBytes', 'first'].map((name) => readField(hint, name));
  if (typeof endBytes === 'number' && typeof first === 'number') return { endBytes, first };
  throw new MapReduceError(
    'CorruptInputError',
    'records() reads plain files only: their blocks are compressed already. Decompress the file first.',
  );
}

/**
 * Writes the inputs of `--memory-formats`. A file is one generated block, repeated as often as needed: a source that keeps no
 * records cannot tell, and 4 GiB are written as fast as the disk allows.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type CorpusName, corpusChunks } from './corpora.ts';
import { FIXED_BYTES, type InputKind } from './jobs/format-cases.ts';

const MIB = 1 << 20;
const BLOCK_BYTES = 16 * MIB;
/** Two workers read two files each. */
const FILES = 4;
const NEWLINE = 10;

interface Block {
  readonly bytes: Buffer;
  readonly records: number;
  /** Before the blocks of a file, and after them. */
  readonly head?: string;
  readonly tail?: string;
  readonly extension: string;
}

/** How many blocks are about this many bytes, uncompressed. */
export function blocksOf(plainBytes: number): number {
  return Math.max(FILES, Math.round(plainBytes / BLOCK_BYTES));
}

/**
 * Writes the input into the folder. Not for generated input and typed parts.
 *
 * @returns the number of its records
 */
export function writeFormatInput(
  kind: InputKind,
  { blocks, folder, blockBytes = BLOCK_BYTES }: { blocks: number; folder: string; blockBytes?: number },
): number {
  const { bytes, records, head = '', tail = '', extension } = blockOf(kind, blockBytes);
  const files = kind === 'many files' ? blocks : FILES;
  mkdirSync(folder, { recursive: true });
  for (let file = 0; file < files; file++) {
    const path = join(folder, `part-${String(file).padStart(5, '0')}.${extension}`);
    const count = Math.floor(((file + 1) * blocks) / files) - Math.floor((file * blocks) / files);
    writeBlocks(path, { head, bytes, count, tail });
  }
  return records * blocks;
}

function writeBlocks(
  path: string,
  { head, bytes, count, tail }: { head: string; bytes: Buffer; count: number; tail: string },
): void {
  const file = openSync(path, 'w');
  try {
    writeSync(file, head);
    // The last block of a document has no comma after it.
    for (let i = 1; i <= count; i++) {
      const size = i === count && tail !== '' ? bytes.length - 1 : bytes.length;
      for (let at = 0; at < size; ) at += writeSync(file, bytes, at, size - at);
    }
    writeSync(file, tail);
  } finally {
    closeSync(file);
  }
}

function blockOf(kind: InputKind, blockBytes: number): Block {
  switch (kind) {
    case 'text':
      return { ...linesOf('words', blockBytes), extension: 'txt' };
    case 'gzip text': {
      const { bytes, records } = linesOf('words', blockBytes);
      return { bytes: gzipSync(bytes), records, extension: 'txt.gz' };
    }
    case 'zstd text': {
      const { bytes, records } = linesOf('words', blockBytes);
      return { bytes: zstdCompressSync(bytes), records, extension: 'txt.zst' };
    }
    case 'many files':
      return { bytes: linesOf('words', blockBytes).bytes, records: 1, extension: 'txt' };
    case 'fixed': {
      const records = Math.floor(blockBytes / FIXED_BYTES);
      return { bytes: corpus('records', records * FIXED_BYTES), records, extension: 'bin' };
    }
    case 'csv': {
      const lines = corpus('orders-csv', blockBytes).toString();
      const body = lines.slice(lines.indexOf('\n') + 1);
      const head = `${lines.slice(0, lines.indexOf('\n'))}\n`;
      // A line end in quotes is followed by the word 'then'.
      const records = body.split(/\n(?!then )/).length - 1;
      return { bytes: Buffer.from(body), records, head, extension: 'csv' };
    }
    case 'tsv':
      return { ...tsvRows(blockBytes), extension: 'tsv' };
    case 'json lines':
      return { ...linesOf('orders-jsonl', blockBytes), extension: 'jsonl' };
    case 'json documents': {
      const { bytes, records } = linesOf('orders-jsonl', blockBytes);
      const elements = bytes.toString().trimEnd().replaceAll('\n', ',\n');
      return {
        bytes: Buffer.from(`${elements},`),
        records,
        head: '{"version":1,"orders":[',
        tail: ']}',
        extension: 'json',
      };
    }
    case 'numbers':
    case 'typed parts':
      throw new RangeError(`writeFormatInput: no files for ${kind}`);
  }
}

function corpus(name: CorpusName, sizeBytes: number): Buffer {
  return Buffer.concat(Array.from(corpusChunks(name, sizeBytes), (chunk) => Buffer.from(chunk)));
}

function linesOf(name: CorpusName, sizeBytes: number): { bytes: Buffer; records: number } {
  const bytes = corpus(name, sizeBytes);
  let records = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) records++;
  return { bytes, records };
}

/** Three columns: a number, a line of the text, a product. */
function tsvRows(sizeBytes: number): { bytes: Buffer; records: number } {
  const { bytes, records } = linesOf('words', sizeBytes);
  let number = 0;
  const rows = bytes
    .toString('latin1')
    .replaceAll(/^.+$/gm, (line) => `${number++}\t${line}\tp${number % 4_000}`);
  return { bytes: Buffer.from(rows, 'latin1'), records };
}

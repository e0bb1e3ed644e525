/**
 * Generates the inputs of the benchmark. They have the same bytes on every machine and are kept in bench/data/. A file is
 * reused if its size is the expected one; its name contains the version of the generator and the size.
 *
 * A generator only fills chunks with whole lines. It creates no strings and allocates nothing per line, so 512 MiB take
 * two seconds.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fillAccessLog } from './access-log.ts';
import { LEXICON_WORDS, lexicon, SLOT_BYTES, SLOT_SHIFT } from './lexicon.ts';
import { fillOrdersAsCsv, fillOrdersAsJsonLines } from './orders.ts';
import { Random } from './random.ts';

const MIB = 1 << 20;
const CHUNK_BYTES = 4 * MIB;
const NEWLINE = 10;
const SPACE = 32;
const LINE_BYTES = 80;
/** Each chunk keeps this much space free, so that a generator checks for the end only between lines. */
const LINE_BYTES_MAX = 1024;
export const RECORD_BYTES = 100;
export const RECORD_KEY_BYTES = 10;
const TOKEN_LETTERS = 12;
/** Enough for two workers to end at about the same time. */
const GZIP_FILES = 8;
/** Compressed, it is a file of about 2 KiB. */
const SMALL_FILE_BYTES = 4096;
const SMALL_FILES = 10_000;
export const DISTINCT_KEYS = 10_000_000;

/**
 * Fills the chunk with whole lines from its start and returns the number of bytes. Each call continues where the last one
 * stopped. The corpus still lacks `leftBytes`; a generator that ignores this has its last line cut.
 */
type Fill = (chunk: Buffer, leftBytes: number) => number;

export interface Corpus {
  readonly title: string;
  /** Bump it when the bytes change. */
  readonly version: number;
  /** At scale 1. */
  readonly sizeBytes: number;
  /** Sizes are a multiple of this. */
  readonly unitBytes: number;
  /** How many gzip files of equal plain size hold a corpus of this size. Default: it is one plain file. */
  readonly gzipFiles?: (sizeBytes: number) => number;
  readonly generator: () => Fill;
}

export const CORPORA = {
  words: {
    title: 'text, 300,000 distinct words, Zipf 1.07, lines of about 80 bytes',
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: 1,
    generator: () => fillWords({ seed: 1, favouritePercent: 0 }),
  },
  tokens: {
    title: 'nearly unique 12-letter tokens, lines of about 80 bytes',
    version: 1,
    sizeBytes: 256 * MIB,
    unitBytes: TOKEN_LETTERS + 1,
    generator: () => fillTokens(2),
  },
  records: {
    title: '100-byte records, random 10-byte keys',
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: RECORD_BYTES,
    generator: () => fillRecords({ seed: 3, favouritePercent: 0 }),
  },
  'access-log': {
    title: 'web server log, combined format, one line in 500 broken',
    version: 1,
    sizeBytes: 256 * MIB,
    unitBytes: 1,
    generator: () => fillAccessLog(4),
  },
  'skewed-words': {
    title: 'text, one word is 60 % of all words',
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: 1,
    generator: () => fillWords({ seed: 5, favouritePercent: 60 }),
  },
  'skewed-records': {
    title: '100-byte records, one key in 60 % of them',
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: RECORD_BYTES,
    generator: () => fillRecords({ seed: 6, favouritePercent: 60 }),
  },
  distinct: {
    title: '10 million different 12-letter words, each once',
    version: 1,
    sizeBytes: DISTINCT_KEYS * (TOKEN_LETTERS + 1),
    unitBytes: TOKEN_LETTERS + 1,
    generator: fillDistinct,
  },
  'orders-jsonl': {
    title: 'orders as JSON Lines, ten fields, 4,000 products',
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: MIB,
    generator: () => fillOrdersAsJsonLines(8),
  },
  'orders-csv': {
    title: 'orders as CSV, ten columns, one note in ten quoted',
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: MIB,
    generator: () => fillOrdersAsCsv(9),
  },
  'words-gzip': {
    title: `the text of words in ${GZIP_FILES} gzip files`,
    version: 1,
    sizeBytes: 512 * MIB,
    unitBytes: GZIP_FILES,
    gzipFiles: () => GZIP_FILES,
    generator: () => fillWords({ seed: 1, favouritePercent: 0 }),
  },
  'small-files': {
    title: 'gzip files of about 2 KiB, text',
    version: 1,
    sizeBytes: SMALL_FILES * SMALL_FILE_BYTES,
    unitBytes: SMALL_FILE_BYTES,
    gzipFiles: (sizeBytes) => sizeBytes / SMALL_FILE_BYTES,
    generator: () => fillWords({ seed: 10, favouritePercent: 0 }),
  },
  tiny: {
    title: '2 KB of text',
    version: 1,
    sizeBytes: 2048,
    unitBytes: 1,
    generator: () => fillWords({ seed: 7, favouritePercent: 0 }),
  },
} as const satisfies Record<string, Corpus>;

export type CorpusName = keyof typeof CORPORA;

/** `tiny` is tiny at every scale. */
export function scaledSizeBytes(name: CorpusName, scale: number): number {
  const { sizeBytes, unitBytes } = CORPORA[name];
  if (name === 'tiny') return sizeBytes;
  return Math.max(1, Math.round((sizeBytes * scale) / unitBytes)) * unitBytes;
}

export interface CorpusFile {
  readonly name: CorpusName;
  /** A file, or a folder of gzip files. */
  readonly path: string;
  /** Uncompressed. */
  readonly sizeBytes: number;
  /** Undefined if the file already existed. */
  readonly generatedMs: number | undefined;
}

/** The path of its file or folder, in the folder of the corpora. */
export function corpusPath(name: CorpusName, sizeBytes: number): string {
  const { version, gzipFiles }: Corpus = CORPORA[name];
  return `${name}-v${version}-${sizeBytes}${gzipFiles === undefined ? '.txt' : ''}`;
}

export function prepareCorpus(options: { name: CorpusName; sizeBytes: number; folder: string }): CorpusFile {
  const { name, sizeBytes, folder } = options;
  const path = join(folder, corpusPath(name, sizeBytes));
  const { gzipFiles }: Corpus = CORPORA[name];
  const found = statSync(path, { throwIfNoEntry: false });
  // A folder gets its name only once it is complete.
  if (found?.isDirectory() || found?.size === sizeBytes) {
    return { name, path, sizeBytes, generatedMs: undefined };
  }
  const startedMs = performance.now();
  mkdirSync(folder, { recursive: true });
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  if (gzipFiles === undefined) writePlain(name, sizeBytes, unfinished);
  else writeGzipFiles(name, { sizeBytes, files: gzipFiles(sizeBytes), folder: unfinished });
  renameSync(unfinished, path);
  return { name, path, sizeBytes, generatedMs: performance.now() - startedMs };
}

/** The files of a prepared corpus. */
export function corpusFiles(path: string): string[] {
  return statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .map((file) => join(path, file))
    : [path];
}

function writePlain(name: CorpusName, sizeBytes: number, path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const chunk of corpusChunks(name, sizeBytes)) writeWhole(file, chunk);
  } finally {
    closeSync(file);
  }
}

/** The last line of each file is cut to make its size exact. */
function writeGzipFiles(
  name: CorpusName,
  { sizeBytes, files, folder }: { sizeBytes: number; files: number; folder: string },
): void {
  mkdirSync(folder);
  const plain = Buffer.allocUnsafe(sizeBytes / files);
  let filled = 0;
  let number = 0;
  for (const chunk of corpusChunks(name, sizeBytes)) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(plain, filled, at);
      at += copied;
      filled += copied;
      if (filled < plain.length) continue;
      filled = 0;
      plain[plain.length - 1] = NEWLINE;
      writeFileSync(join(folder, `${String(number++).padStart(5, '0')}.txt.gz`), gzipSync(plain));
    }
  }
}

/** The bytes of the corpus. A chunk is valid until the next one is read. The last line is cut to make the size exact. */
export function* corpusChunks(name: CorpusName, sizeBytes: number): Generator<Buffer> {
  const fill = CORPORA[name].generator();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let left = sizeBytes; left > 0; ) {
    const filled = Math.min(fill(chunk, left), left);
    left -= filled;
    if (left === 0) chunk[filled - 1] = NEWLINE;
    yield chunk.subarray(0, filled);
  }
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Has no branch except at the end of a line: branches that depend on a random word cost more than the rest of the loop. */
function fillWords(options: { seed: number; favouritePercent: number }): Fill {
  const { slots, thresholds, aliases } = lexicon();
  const slotView = new DataView(slots.buffer);
  const random = new Random(options.seed);
  const favouriteBelow = Math.round((options.favouritePercent / 100) * 0x8000_0000);

  return (chunk) => {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const end = chunk.length - LINE_BYTES_MAX;
    let at = 0;
    let lineStart = 0;
    for (;;) {
      const draw = random.nextInt32() >>> 0;
      const entry = Math.floor((draw * LEXICON_WORDS) / 0x1_0000_0000);
      const ownWord = ((random.nextInt32() & 0x7fffffff) - thresholds[entry]!) >> 31;
      let word = (entry & ownWord) | (aliases[entry]! & ~ownWord);
      if (favouriteBelow > 0)
        word = (random.nextInt32() & 0x7fffffff) < favouriteBelow ? 0 : Math.max(word, 1);

      const slot = word << SLOT_SHIFT;
      view.setFloat64(at, slotView.getFloat64(slot, true), true);
      view.setFloat64(at + 8, slotView.getFloat64(slot + 8, true), true);
      // The low bits of the draw have not chosen the word, because 14,000 draws lead to each word. They decide that one
      // word in 16 gets a capital, and one in 16 a comma or a full stop.
      chunk[at]! -= (((draw & 15) - 1) >>> 26) & 32;
      at += slots[slot + SLOT_BYTES - 1]!;
      chunk[at] = 44 + ((draw >>> 7) & 2);
      at += (((draw >>> 4) & 15) - 1) >>> 31;
      if (at - lineStart < LINE_BYTES - 4) {
        chunk[at++] = SPACE;
      } else {
        chunk[at++] = NEWLINE;
        lineStart = at;
        if (at > end) return at;
      }
    }
  };
}

/** One token in 64 is one of 1,000 repeated tokens; the others are drawn from 26^12. */
function fillTokens(seed: number): Fill {
  const random = new Random(seed);
  const trigrams = allTrigrams();
  return (chunk) => {
    const end = chunk.length - LINE_BYTES_MAX;
    let at = 0;
    while (at <= end) {
      for (let token = 0; token < 6; token++) {
        let first = random.nextInt32();
        let second = random.nextInt32();
        if ((first & 63) === 0) {
          first = Math.imul(1 + ((first >>> 6) % 1000), 0x9e3779b1);
          second = ~first;
        }
        at = writeTrigram(chunk, at, trigrams, first >>> 16);
        at = writeTrigram(chunk, at, trigrams, first & 0xffff);
        at = writeTrigram(chunk, at, trigrams, second >>> 16);
        at = writeTrigram(chunk, at, trigrams, second & 0xffff);
        chunk[at++] = SPACE;
      }
      chunk[at - 1] = NEWLINE;
    }
    return at;
  };
}

function allTrigrams(): Uint8Array {
  const trigrams = new Uint8Array(26 ** 3 * 3);
  for (let i = 0; i < 26 ** 3; i++) {
    trigrams[3 * i] = 97 + Math.floor(i / 676);
    trigrams[3 * i + 1] = 97 + (Math.floor(i / 26) % 26);
    trigrams[3 * i + 2] = 97 + (i % 26);
  }
  return trigrams;
}

/** `draw` in [0, 2^16). */
function writeTrigram(chunk: Buffer, at: number, trigrams: Uint8Array, draw: number): number {
  const from = ((draw * 17_576) >>> 16) * 3;
  chunk[at] = trigrams[from]!;
  chunk[at + 1] = trigrams[from + 1]!;
  chunk[at + 2] = trigrams[from + 2]!;
  return at + 3;
}

/**
 *     key (10, printable, no space) | space | number of the record (16 digits) | space | random hexadecimal (71) | newline
 */
function fillRecords(options: { seed: number; favouritePercent: number }): Fill {
  const random = new Random(options.seed);
  const favourite = Buffer.from('~favourite');
  const hexadecimal = Buffer.from('0123456789abcdef');
  let number = 0;

  return (chunk) => {
    const end = chunk.length - RECORD_BYTES;
    let at = 0;
    for (; at <= end; at += RECORD_BYTES) {
      if (options.favouritePercent > 0 && random.below(100) < options.favouritePercent) {
        chunk.set(favourite, at);
      } else {
        for (let i = 0; i < RECORD_KEY_BYTES; i += 2) {
          const draw = random.nextInt32();
          chunk[at + i] = 33 + (((draw >>> 16) * 94) >>> 16);
          chunk[at + i + 1] = 33 + (((draw & 0xffff) * 94) >>> 16);
        }
      }
      chunk[at + 10] = SPACE;
      for (let i = 26, rest = number++; i > 10; i--, rest = Math.floor(rest / 10))
        chunk[at + i] = 48 + (rest % 10);
      chunk[at + 27] = SPACE;
      for (let i = 28; i < RECORD_BYTES; ) {
        let draw = random.nextInt32();
        for (let digits = 0; digits < 8; digits++, draw >>>= 4) chunk[at + i++] = hexadecimal[draw & 15]!;
      }
      chunk[at + 99] = NEWLINE;
    }
    return at;
  };
}

/**
 * A linear congruential generator modulo 2^24 visits every number once before it repeats. The number, written as six
 * letters of [a-p], is the first half of a word, so the first 16.7 million words are all different.
 */
function fillDistinct(): Fill {
  let number = 1;
  return (chunk) => {
    const end = chunk.length - LINE_BYTES_MAX;
    let at = 0;
    while (at <= end) {
      for (let word = 0; word < 6; word++) {
        number = (Math.imul(number, 0x5bd1e5) + 0x3c6ef3) & 0xffffff;
        const mixed = Math.imul(number, 0x9e3779b1);
        for (let shift = 20; shift >= 0; shift -= 4) chunk[at++] = 97 + ((number >>> shift) & 15);
        for (let shift = 28; shift >= 8; shift -= 4) chunk[at++] = 97 + ((mixed >>> shift) & 15);
        chunk[at++] = SPACE;
      }
      chunk[at - 1] = NEWLINE;
    }
    return at;
  };
}

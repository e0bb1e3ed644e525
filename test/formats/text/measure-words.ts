/**
 * Measures ways to cut lines into words, in MB per CPU second:
 *
 *     node --conditions=serverless-mapreduce-source test/formats/text/measure-words.ts
 *
 * Each way runs in its own process, because what V8 has optimised for one slows down the next.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { corpusChunks } from '../../../bench/corpora.ts';
import { wordsOf } from '../../../src/index.ts';

const CORPUS_BYTES = 32 << 20;
const ROUNDS = 7;

type Visit = (word: string) => void;

const WAYS: Record<string, (line: string, visit: Visit) => void> = {
  'loop over character codes': forEachAsciiWord,
  'wordsOf, lower': (line, visit) => {
    for (const word of wordsOf(line)) visit(word);
  },
  'wordsOf, keep': (line, visit) => {
    for (const word of wordsOf(line, 'keep')) visit(word);
  },
  'match [a-z], line lower-cased': (line, visit) => {
    for (const word of line.toLowerCase().match(/[a-z]+/g) ?? []) visit(word);
  },
  match: (line, visit) => {
    for (const word of line.match(/\p{L}+/gu) ?? []) visit(word.toLowerCase());
  },
  split: (line, visit) => {
    for (const word of line.split(/\P{L}+/u)) if (word !== '') visit(word.toLowerCase());
  },
  matchAll: (line, visit) => {
    for (const [word] of line.matchAll(/\p{L}+/gu)) visit(word.toLowerCase());
  },
  'replace with a callback': (line, visit) => {
    line.replace(/\p{L}+/gu, (word) => {
      visit(word.toLowerCase());
      return '';
    });
  },
};

const way = process.argv[2];
if (way === undefined) {
  for (const name of Object.keys(WAYS)) {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), name];
    spawnSync(process.execPath, args, { stdio: 'inherit' });
  }
} else {
  const mbPerSecond = measure(WAYS[way]!);
  console.log(`${String(Math.round(mbPerSecond)).padStart(5)} MB/s  ${way}`);
}

function forEachAsciiWord(line: string, visit: Visit): void {
  const text = line.toLowerCase();
  let start = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x61 && code <= 0x7a) {
      if (start === -1) start = i;
    } else if (start !== -1) {
      visit(text.slice(start, i));
      start = -1;
    }
  }
  if (start !== -1) visit(text.slice(start));
}

/**
 * Returns the median by CPU time. Lines are decoded as textLines() does, and each word is read once, as a hash table
 * would.
 */
function measure(words: (line: string, visit: Visit) => void): number {
  const blocks: Buffer[] = [];
  for (const chunk of corpusChunks('words', CORPUS_BYTES)) blocks.push(...linesInBlocks(Buffer.from(chunk)));
  let hash = 0;
  const visit = (word: string) => {
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  };
  const times = Array.from({ length: ROUNDS }, () => {
    const started = process.cpuUsage();
    for (const block of blocks) {
      const text = block.toString('latin1');
      let from = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
        words(text.slice(from, end), visit);
        from = end + 1;
      }
    }
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1e3;
  });
  return CORPUS_BYTES / 1e3 / times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

/** Cuts the text into chunks of whole lines, of at most 48 KiB. */
function* linesInBlocks(chunk: Buffer): Generator<Buffer> {
  for (let from = 0; from < chunk.length; ) {
    const end = chunk.lastIndexOf(10, from + (48 << 10)) + 1;
    yield chunk.subarray(from, end);
    from = end;
  }
}

/** Makes realistic text files: several, nested, compressed in different ways, with awkward words. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Random } from '../../simulation/random.ts';

export interface InputFile {
  /** Relative to the input folder, with '/'. */
  readonly path: string;
  readonly lines: readonly string[];
  readonly bytes: Buffer;
}

const WORDS = [
  ...['a', 'b', 'the', 'The', 'of', 'x1', '0', '-0', '1e3', 'NaN', 'null', 'é', 'e\u0301', 'ß', '日本', '𐌰𐌱'],
  ...['\\', '\\n', 'C:\\', '"', "'", '\u0001', '\u2028', 'a\tb', 'x\ry', '\ufffd', '~', '🙂', '{}', '[', ','],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '_SUCCESS', '../..'],
];

export function randomWord(random: Random): string {
  return random.weighted<() => string>([
    [8, () => random.pick(WORDS)],
    [4, () => `w${random.int(0, 300)}`],
    [1, () => random.pick(['x', 'é', '𝒜']).repeat(random.int(100, 400))],
    [1, () => random.times(random.int(1, 5), () => random.pick(WORDS)).join('')],
    [0.5, () => ''],
  ])();
}

export function randomInput(random: Random, { linesMax = 200 }: { linesMax?: number } = {}): InputFile[] {
  const count = random.weighted([
    [4, 1],
    [3, 2],
    [2, 5],
  ]);
  return random.times(count, (index) => {
    const lines = random.times(random.int(0, linesMax), () =>
      random.times(random.int(1, 6), () => randomWord(random)).join(' '),
    );
    const end = random.chance(0.2) ? '\r\n' : '\n';
    const text = lines.map((line) => line + end).join('');
    const isLastOpen = text !== '' && lines.at(-1) !== '' && random.chance(0.3);
    const plain = Buffer.from(isLastOpen ? text.slice(0, -end.length) : text);
    const folder = random.pick(['', '', 'sub/', 'sub/deep er/', 'ä/']);
    const { suffix, bytes } = stored(plain, random);
    return { path: `${folder}f${index}${suffix}`, lines, bytes };
  });
}

export function writeInput(folder: string, files: readonly InputFile[]): void {
  for (const { path, bytes } of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
}

function stored(plain: Buffer, random: Random): { suffix: string; bytes: Buffer } {
  return random.weighted<() => { suffix: string; bytes: Buffer }>([
    [6, () => ({ suffix: random.pick(['.txt', '.log', '']), bytes: plain })],
    [2, () => ({ suffix: '.gz', bytes: gzipSync(plain) })],
    [1, () => ({ suffix: '.gz', bytes: members(plain, random, gzipSync) })],
    [1, () => ({ suffix: '.zst', bytes: zstdCompressSync(plain) })],
    [1, () => ({ suffix: '.zst', bytes: members(plain, random, zstdCompressSync) })],
  ])();
}

/** One file may consist of several compressed streams. */
function members(plain: Buffer, random: Random, compress: (bytes: Buffer) => Buffer): Buffer {
  const cut = random.int(0, plain.length);
  return Buffer.concat([compress(plain.subarray(0, cut)), compress(plain.subarray(cut))]);
}

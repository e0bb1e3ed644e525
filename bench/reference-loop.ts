/**
 * A plain loop over text, measured in each call: what this machine, today and with this version of Node.js, takes for such
 * work. Figures divided by its time can be compared with those of other days.
 */
import { corpusChunks } from './corpora.ts';

const TEXT_BYTES = 16 << 20;
/** 8 MiB: more than most second-level caches, as the tables of a job. */
const SLOTS = 1 << 21;
const PASSES = 9;

let text: Uint8Array | undefined;
let slots: Uint32Array | undefined;

/** Returns the CPU milliseconds of the fastest pass over 16 MiB of text, each of which hashes and counts 2.5 million words. */
export function referenceMs(): number {
  text ??= Buffer.concat(Array.from(corpusChunks('words', TEXT_BYTES), (chunk) => Buffer.from(chunk)));
  slots ??= new Uint32Array(SLOTS);
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < PASSES; pass++) {
    const before = process.cpuUsage();
    countWords(text, slots);
    const { user, system } = process.cpuUsage(before);
    fastestMs = Math.min(fastestMs, (user + system) / 1000);
  }
  return fastestMs;
}

function countWords(bytes: Uint8Array, counts: Uint32Array): void {
  const mask = counts.length - 1;
  let hash = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]! | 0x20;
    if (byte >= 97 && byte <= 122) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    } else if (hash !== 0) {
      counts[(hash ^ (hash >>> 15)) & mask]!++;
      hash = 0;
    }
  }
}

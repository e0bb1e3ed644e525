/**
 * 300,000 distinct words and their frequencies by Zipf's law with exponent 1.07. Frequent words are short, as in any
 * language, so 512 MiB contain about 81 million words.
 */
import { Random } from './random.ts';

export const LEXICON_WORDS = 300_000;
const ZIPF_EXPONENT = 1.07;
/** Words are copied from slots of equal size: the slot of word i starts at `i << SLOT_SHIFT`; its last byte is the length. */
export const SLOT_SHIFT = 4;
export const SLOT_BYTES = 1 << SLOT_SHIFT;
const WORD_LETTERS_MAX = SLOT_BYTES - 1;

export interface Lexicon {
  readonly slots: Uint8Array;
  /**
   * Walker's alias method: draw an entry and a 31-bit number. If the number is below `thresholds[entry]`, take the word
   * `entry`, otherwise the word `aliases[entry]`. This takes one step per word, however rare the word is.
   */
  readonly thresholds: Int32Array;
  readonly aliases: Int32Array;
}

let shared: Lexicon | undefined;

/** Returns always the same lexicon, which is built once (0.2 s). */
export function lexicon(): Lexicon {
  shared ??= buildLexicon(LEXICON_WORDS);
  return shared;
}

function buildLexicon(words: number): Lexicon {
  return { slots: buildWords(words), ...buildAliases(zipfWeights(words)) };
}

function buildWords(words: number): Uint8Array {
  const random = new Random(0x5eed);
  const slots = new Uint8Array(words * SLOT_BYTES);
  const seen = new Set<string>();
  for (let rank = 0; rank < words; rank++) {
    let letters = lettersOfRank(rank, random);
    let word = spell(letters, random);
    while (seen.has(word)) {
      letters = Math.min(letters + 1, WORD_LETTERS_MAX);
      word = spell(letters, random);
    }
    seen.add(word);
    const start = rank << SLOT_SHIFT;
    for (let i = 0; i < word.length; i++) slots[start + i] = word.charCodeAt(i);
    slots[start + SLOT_BYTES - 1] = word.length;
  }
  return slots;
}

function lettersOfRank(rank: number, random: Random): number {
  const letters = 2.05 + 0.46 * Math.log2(rank + 1) + random.below(3) - 1;
  return Math.max(1, Math.min(12, Math.round(letters)));
}

/** Alternates consonants and vowels, so that words look and compress like words. */
function spell(letters: number, random: Random): string {
  const consonants = 'bcdfghjklmnpqrstvwxz';
  const vowels = 'aeiouy';
  let word = '';
  let vowel = random.below(2) === 0;
  for (let i = 0; i < letters; i++) {
    const alphabet = vowel ? vowels : consonants;
    word += alphabet[random.below(alphabet.length)];
    vowel = !vowel;
  }
  return word;
}

function zipfWeights(words: number): Float64Array {
  return Float64Array.from({ length: words }, (_, rank) => (rank + 1) ** -ZIPF_EXPONENT);
}

function buildAliases(weights: Float64Array): { thresholds: Int32Array; aliases: Int32Array } {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const scaled = weights.map((weight) => (weight * weights.length) / total);
  const thresholds = new Int32Array(weights.length).fill(0x7fffffff);
  const aliases = Int32Array.from(weights, (_, entry) => entry);
  const small: number[] = [];
  const large: number[] = [];
  for (let entry = 0; entry < scaled.length; entry++) (scaled[entry]! < 1 ? small : large).push(entry);
  while (small.length > 0 && large.length > 0) {
    const poor = small.pop()!;
    const rich = large.at(-1)!;
    thresholds[poor] = Math.floor(scaled[poor]! * 0x7fffffff);
    aliases[poor] = rich;
    scaled[rich]! -= 1 - scaled[poor]!;
    if (scaled[rich]! < 1) small.push(large.pop()!);
  }
  return { thresholds, aliases };
}

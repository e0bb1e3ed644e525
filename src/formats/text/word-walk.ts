/**
 * Walks over the words of a range of bytes: the longest runs of Unicode letters. Most text is ASCII, where one look at a table
 * says whether a byte is a letter, and which lower-case letter it is. From the first word with other characters, text is
 * decoded, and a regular expression finds the words: the lower case of 'İ' has two characters, and that of 'Σ' depends on its
 * neighbours.
 */
import { type BytesRange, copyOfRange } from '../../codec/bytes-range.ts';
import type { LetterCase, Words } from '../../codec/words.ts';

const NO_WORD = -1;
const NO_LETTER = 0;
const NOT_ASCII = 0xff;
const LETTERS = /\p{L}+/gu;
/** After the last word, so that whoever reads some words of memory at once may read past its end. */
const SLACK_BYTES = 16;

/** For each byte, the letter that is visited for it. */
function letters(letterCase: LetterCase): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte >= 0x80) return NOT_ASCII;
    const lower = byte | 0x20;
    if (lower < 0x61 || lower > 0x7a) return NO_LETTER;
    return letterCase === 'lower' ? lower : byte;
  });
}

const LETTERS_OF = { lower: letters('lower'), keep: letters('keep') };

export class WordWalk {
  #scratch = Buffer.alloc(256);
  readonly #word = { bytes: this.#scratch, start: 0, end: 0 };

  visit(range: BytesRange, letterCase: LetterCase, visit: (word: BytesRange) => void): void {
    const { bytes, start, end } = range;
    if (this.#scratch.length < end - start + SLACK_BYTES)
      this.#scratch = Buffer.alloc(2 * (end - start) + SLACK_BYTES);
    const scratch = this.#scratch;
    const letterOf = LETTERS_OF[letterCase];
    const word = this.#word;
    word.bytes = scratch;
    let wordStart = NO_WORD;
    let to = 0;
    for (let at = start; at < end; at++, to++) {
      const letter = letterOf[bytes[at]!]!;
      scratch[to] = letter;
      if (letter === NO_LETTER) {
        if (wordStart === NO_WORD) continue;
        word.start = wordStart;
        word.end = to;
        visit(word);
        wordStart = NO_WORD;
      } else if (letter === NOT_ASCII) {
        const rest = start + (wordStart === NO_WORD ? to : wordStart);
        this.#visitDecoded(bytes.toString('utf8', rest, end), letterCase, visit);
        return;
      } else if (wordStart === NO_WORD) {
        wordStart = to;
      }
    }
    if (wordStart === NO_WORD) return;
    word.start = wordStart;
    word.end = to;
    visit(word);
  }

  #visitDecoded(text: string, letterCase: LetterCase, visit: (word: BytesRange) => void): void {
    for (const found of text.match(LETTERS) ?? []) {
      const bytes = Buffer.from(letterCase === 'lower' ? found.toLowerCase() : found);
      visit({ bytes, start: 0, end: bytes.length });
    }
  }
}

/** Finds the words each time it is asked for them. */
export class WordsOfRange implements Words<BytesRange> {
  readonly range: BytesRange;
  readonly letterCase: LetterCase;

  constructor(range: BytesRange, letterCase: LetterCase) {
    this.range = range;
    this.letterCase = letterCase;
  }

  visit(visit: (word: BytesRange) => void, from = 0): void {
    const { bytes, start, end } = this.range;
    new WordWalk().visit({ bytes, start: start + from, end }, this.letterCase, visit);
  }

  [Symbol.iterator](): Iterator<BytesRange> {
    const words: BytesRange[] = [];
    this.visit((word) => words.push(copyOfRange(word)));
    return words.values();
  }
}

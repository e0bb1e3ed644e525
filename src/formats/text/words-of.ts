/** The words of text that has been decoded. word-walk.ts finds those of bytes. */
import { MapReduceError } from '../../base/errors.ts';
import { preview, typeName } from '../../base/show-value.ts';
import { assertLetterCase, type LetterCase, type Words } from '../../codec/words.ts';

/**
 * The words of a text: each longest run of Unicode letters, in lower case unless `letterCase` is 'keep'. To be iterated over, or
 * emitted all at once, which is about twice as fast as one by one.
 *
 * @example
 * map: (line, { emitAll }) => emitAll(wordsOf(line), 1),
 */
export function wordsOf(text: string, letterCase: LetterCase = 'lower'): Iterable<string> {
  if (typeof text !== 'string') {
    throw new MapReduceError(
      'JobDefinitionError',
      `wordsOf() takes a text; received ${preview(text)} (${typeName(text)}). For lines of bytesLines(), write line.words()`,
    );
  }
  assertLetterCase(letterCase);
  return new WordsOfText(text, letterCase);
}

class WordsOfText implements Words<string> {
  readonly text: string;
  readonly letterCase: LetterCase;

  constructor(text: string, letterCase: LetterCase) {
    this.text = text;
    this.letterCase = letterCase;
  }

  visit(visit: (word: string) => void, from = 0): void {
    forEachWord(from === 0 ? this.text : this.text.slice(from), this.letterCase, visit);
  }

  [Symbol.iterator](): Iterator<string> {
    const words: string[] = [];
    this.visit((word) => words.push(word));
    return words.values();
  }
}

/**
 * Calls `visit` with each word of a line. These are the words of `line.match(/\p{L}+/gu)`, found 1.5 times as fast.
 *
 * Most text is ASCII, where the code of a character shows whether it is a letter. For ASCII, converting the whole line to
 * lower case gives the same result as converting each word, and is cheaper. From the first word that contains other
 * characters, the regular expression finds the words, and each word is converted separately: 'İ' becomes two characters,
 * and the lower case of 'Σ' depends on its neighbours.
 */
function forEachWord(line: string, letterCase: LetterCase, visit: (word: string) => void): void {
  const text = letterCase === 'lower' ? line.toLowerCase() : line;
  let start = NO_WORD;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const lowerCode = code | 0x20;
    if (lowerCode >= LETTER_A && lowerCode <= LETTER_Z) {
      if (start === NO_WORD) start = i;
    } else if (code > ASCII_MAX) {
      // Up to here, `line` and `text` have the same indexes.
      forEachUnicodeWord(line.slice(start === NO_WORD ? i : start), letterCase, visit);
      return;
    } else if (start !== NO_WORD) {
      visit(text.slice(start, i));
      start = NO_WORD;
    }
  }
  if (start !== NO_WORD) visit(text.slice(start));
}

const NO_WORD = -1;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;
const ASCII_MAX = 0x7f;
const LETTERS = /\p{L}+/gu;

function forEachUnicodeWord(line: string, letterCase: LetterCase, visit: (word: string) => void): void {
  for (const word of line.match(LETTERS) ?? []) visit(letterCase === 'lower' ? word.toLowerCase() : word);
}

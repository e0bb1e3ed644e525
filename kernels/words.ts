/** Finds words of ASCII letters in text. Positions are bytes. */

/** Where findWords() stopped. */
export let stoppedAt: u32 = 0;

const NO_WORD: u32 = 0xffffffff;
/** Bytes that are read at once. */
const STEP: u32 = 32;

/**
 * Writes the start and the end of each word of the text [from, end), relative to `text`, to `bounds`: the longest runs of ASCII
 * letters. Stops before a character that is not ASCII, and after `wordsMax` words. Changes the text to lower case unless
 * `keepsCase`. The 32 bytes after the text are overwritten.
 *
 * @returns how many words it found. `stoppedAt` is not inside a word.
 */
export function findWords(
  text: usize,
  from: u32,
  end: u32,
  keepsCase: bool,
  bounds: usize,
  wordsMax: u32,
): u32 {
  // Whatever follows the text must not look like letters.
  v128.store(text + end, i32x4(0, 0, 0, 0));
  v128.store(text + end, i32x4(0, 0, 0, 0), 16);
  const boundsEnd = bounds + ((<usize>wordsMax) << 3);
  let to = bounds;
  let wordStart = NO_WORD;
  let isInWord: u32 = 0;
  for (let at = from; at < end; at += STEP) {
    const low = v128.load(text + at);
    const high = v128.load(text + at, 16);
    if (v128.bitmask<i8>(v128.or(low, high)) !== 0) {
      stoppedAt = wordStart === NO_WORD ? at : wordStart;
      return found(bounds, to);
    }
    const lowerLow = v128.or(low, i8x16.splat(0x20));
    const lowerHigh = v128.or(high, i8x16.splat(0x20));
    if (!keepsCase) {
      // Bytes that are no letters change too, but not into letters.
      v128.store(text + at, lowerLow);
      v128.store(text + at, lowerHigh, 16);
    }
    const letters: u32 = lettersOf(lowerLow) | (lettersOf(lowerHigh) << 16);
    let edges: u32 = letters ^ ((letters << 1) | isInWord);
    isInWord = letters >>> 31;
    while (edges !== 0) {
      const edge: u32 = at + ctz(edges);
      edges &= edges - 1;
      if (wordStart === NO_WORD) {
        wordStart = edge;
        continue;
      }
      store<u32>(to, wordStart);
      store<u32>(to, edge, 4);
      to += 8;
      wordStart = NO_WORD;
      if (to === boundsEnd) {
        stoppedAt = edge;
        return wordsMax;
      }
    }
  }
  if (wordStart !== NO_WORD) {
    // The text ends in a word, and with a step.
    store<u32>(to, wordStart);
    store<u32>(to, end, 4);
    to += 8;
  }
  stoppedAt = end;
  return found(bounds, to);
}

function found(bounds: usize, to: usize): u32 {
  return <u32>((to - bounds) >> 3);
}

/** One bit for each byte that is a lower-case letter. */
function lettersOf(bytes: v128): u32 {
  return v128.bitmask<i8>(v128.le<u8>(v128.sub<i8>(bytes, i8x16.splat(0x61)), i8x16.splat(25)));
}

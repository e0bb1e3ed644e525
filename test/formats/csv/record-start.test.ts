import { describe, expect, it } from 'vitest';
import { NONE } from '../../../src/formats/csv/csv-options.ts';
import { RecordStart } from '../../../src/formats/csv/record-start.ts';

const DIALECT = { delimiter: 0x2c, quote: 0x22, comment: NONE, multiline: true };

/** Feeds the text of a file from the byte before the piece, and returns how much was needed and what was found. */
function found(text: string, startBytes: number, endBytes = text.length) {
  const start = new RecordStart(DIALECT, { startBytes, endBytes });
  for (let at = startBytes - 1; at < text.length; at += 1000) {
    const first = start.push(Buffer.from(text.slice(at, at + 1000)));
    if (first !== undefined) return { first, neededBytes: at + 1000 - startBytes, isGuess: start.isGuess };
  }
  return { first: start.finish(), neededBytes: text.length, isGuess: start.isGuess };
}

describe('the first record of a piece', () => {
  it('is proven by one quote, in text of any length', () => {
    const text = `a,b\n1,"x\n"\n${'2,y\n'.repeat(100_000)}`;

    expect(found(text, 5)).toEqual({ first: 11, neededBytes: 999, isGuess: false });
    expect(found(text, 7)).toEqual({ first: 11, neededBytes: 999, isGuess: false });
  });

  it('is guessed to be the first line after 256 KiB without quotes, or the length of a short piece', () => {
    const text = '2,y\n'.repeat(200_000);

    const long = found(text, 401);
    expect(long).toMatchObject({ first: 404, isGuess: true });
    expect(long.neededBytes).toBeGreaterThanOrEqual(256 * 1024);
    expect(long.neededBytes).toBeLessThan(258 * 1024);
    expect(found(text, 401, 40_401).neededBytes).toBeLessThan(41_001);
    expect(found(text, 401, 410).neededBytes).toBeLessThan(18 * 1024);
  });

  it('is the end of the file if none starts in the piece', () => {
    expect(found('a,b\n1,"x",yz', 10)).toMatchObject({ first: 12 });
    expect(found('a,b', 1)).toMatchObject({ first: 3 });
  });
});

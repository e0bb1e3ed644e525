/**
 * Finds the first record of a piece that starts in the middle of a file, where nobody knows whether the first byte lies
 * inside quotes. All states that the grammar allows there are followed side by side:
 *
 *     bytes            ...n",2\n"a\nb",3\n...
 *     outside quotes      x                    the quote follows plain text: refuted
 *     inside quotes       ",2\n                closes, delimiter, line end: the first record starts here
 *
 * After the first delimiter or line end, only two are left, one inside and one outside quotes, and nearly every quote refutes
 * one of them, since a quote may open only at the start of a field and close only before a delimiter or a line end. (Ge, Li,
 * Eilebrecht, Chandramouli, Kossmann: Speculative Distributed CSV Data Parsing for Big Data Analytics, SIGMOD 2019.)
 *
 * The result is a guess if no state is refuted within some hundred KiB, or if the text breaks the grammar there. A wrong guess
 * is harmless: the pieces of the file then do not meet, which RecordReader.covered() shows, and the job fails.
 */
import { KiB } from '../../base/limits.ts';
import { type CsvDialect, NONE } from './csv-options.ts';
import { NEWLINE, RETURN } from './csv-scanner.ts';

/** The byte order mark at the start of a file, which is not part of a field. */
const MARK = [0xef, 0xbb, 0xbf];

/**
 * In text with quotes, a few hundred bytes are nearly always enough. In a short piece, such as a sample of the input, it looks no
 * further ahead than the piece is long.
 */
const LOOK_AHEAD_BYTES_MAX = 256 * KiB;
const LOOK_AHEAD_BYTES_MIN = 16 * KiB;

const RECORD_START = 0;
const FIELD_START = 1;
const PLAIN = 2;
const QUOTED = 3;
/** After a quote in a quoted field: it closes the field, or is the first of two. */
const QUOTE_IN_QUOTED = 4;
const RETURN_AFTER_QUOTE = 5;
const COMMENT = 6;
/** After a breach of the grammar: to the next line end. */
const BROKEN = 7;

/** One way to read the text. */
interface Hypothesis {
  state: number;
  /** The offset of the first record that starts in the piece; -1: none yet. */
  firstRecord: number;
  /** How many bytes it places inside quotes. */
  quotedBytes: number;
}

export class RecordStart {
  /** Whether nothing proves the result, if the text is well-formed. */
  isGuess = false;

  /** The offset of the next byte to look at. */
  #at: number;
  readonly #startBytes: number;
  readonly #dialect: CsvDialect;
  readonly #lookEnd: number;
  /** Those that nothing has refuted. */
  #hypotheses: Hypothesis[];
  /** The bytes from `keptAt` on, as long as one of them may be the start of the first record. */
  #kept: Buffer[] = [];
  readonly #keptAt: number;

  /** The first byte that push() receives is the one before the piece. */
  constructor(
    dialect: CsvDialect,
    { startBytes, endBytes }: { readonly startBytes: number; readonly endBytes: number },
  ) {
    const at = startBytes - 1;
    this.#dialect = dialect;
    this.#at = at;
    this.#keptAt = at;
    this.#startBytes = startBytes;
    this.#lookEnd =
      at + Math.min(LOOK_AHEAD_BYTES_MAX, Math.max(LOOK_AHEAD_BYTES_MIN, endBytes - startBytes));
    const states = [FIELD_START, PLAIN, QUOTE_IN_QUOTED, RETURN_AFTER_QUOTE];
    if (dialect.comment !== NONE) states.push(RECORD_START, COMMENT);
    this.#hypotheses = [...states, QUOTED].map((state) => ({ state, firstRecord: -1, quotedBytes: 0 }));
  }

  /** Returns the offset of the first record once it is known, or undefined if more bytes are needed. */
  push(chunk: Buffer): number | undefined {
    if (this.#hypotheses.length > 1) this.#kept.push(Buffer.from(chunk));
    let i = 0;
    for (; i < chunk.length && this.#isOpen(); i++) {
      if (this.#at < MARK.length && chunk[i] === MARK[this.#at]) this.#at += 1;
      else this.#step(chunk[i]!);
    }
    if (this.#isOpen()) return undefined;
    const chosen = this.#choose(this.#hypotheses);
    for (; i < chunk.length && chosen.firstRecord === -1; i++) this.#follow(chosen, chunk[i]!);
    if (chosen.firstRecord === -1) this.#kept = [];
    return chosen.firstRecord === -1 ? undefined : chosen.firstRecord;
  }

  /** At the end of the file: the offset of the first record, or the size of the file if none starts in the piece. */
  finish(): number {
    const closed = this.#hypotheses.filter(({ state }) => state !== QUOTED);
    const { firstRecord } = this.#choose(closed.length > 0 ? closed : this.#hypotheses);
    return firstRecord === -1 ? this.#at : firstRecord;
  }

  /** The only one left. If there are several, the one with the shortest quoted text, which is a guess. */
  #choose(hypotheses: readonly Hypothesis[]): Hypothesis {
    const chosen = hypotheses.reduce((best, other) => (other.quotedBytes < best.quotedBytes ? other : best));
    if (this.#hypotheses.length > 1) this.isGuess = true;
    this.#hypotheses = [chosen];
    return chosen;
  }

  /** The bytes from the first record on that push() has received before its last chunk, or with it. */
  keptFrom(offset: number): Buffer | undefined {
    if (this.#kept.length === 0) return undefined;
    return Buffer.concat(this.#kept).subarray(offset - this.#keptAt);
  }

  #isOpen(): boolean {
    return this.#hypotheses.length > 1 && this.#at < this.#lookEnd;
  }

  /** Moves all hypotheses by one byte, and drops those that it refutes, unless it refutes all. */
  #step(byte: number): void {
    const all = this.#hypotheses;
    this.#at += 1;
    let isBroken = false;
    for (const hypothesis of all) {
      hypothesis.state = nextState(hypothesis.state, byte, this.#dialect);
      if (hypothesis.state === BROKEN) isBroken = true;
      else if (hypothesis.state === QUOTED) hypothesis.quotedBytes += 1;
      this.#noteStart(hypothesis, byte);
    }
    if (!isBroken && all.length === 2 && all[0]!.state !== all[1]!.state) return;
    const alive = all.filter(({ state }) => state !== BROKEN);
    if (alive.length === 0) {
      this.#choose(all);
      return;
    }
    this.#hypotheses = alive.filter(
      ({ state, firstRecord }, i) =>
        alive.findIndex((other) => other.state === state && other.firstRecord === firstRecord) === i,
    );
  }

  #follow(hypothesis: Hypothesis, byte: number): void {
    this.#at += 1;
    hypothesis.state = nextState(hypothesis.state, byte, this.#dialect);
    this.#noteStart(hypothesis, byte);
  }

  #noteStart(hypothesis: Hypothesis, byte: number): void {
    if (
      hypothesis.state === RECORD_START &&
      byte === NEWLINE &&
      hypothesis.firstRecord === -1 &&
      this.#at >= this.#startBytes
    ) {
      hypothesis.firstRecord = this.#at;
    }
  }
}

function nextState(state: number, byte: number, { delimiter, quote, comment }: CsvDialect): number {
  if (byte === NEWLINE) return state === QUOTED ? QUOTED : RECORD_START;
  switch (state) {
    case RECORD_START:
    case FIELD_START:
      if (byte === comment && state === RECORD_START) return COMMENT;
      if (byte === quote) return QUOTED;
      return byte === delimiter ? FIELD_START : PLAIN;
    case PLAIN:
      if (byte === quote) return BROKEN;
      return byte === delimiter ? FIELD_START : PLAIN;
    case QUOTED:
      return byte === quote ? QUOTE_IN_QUOTED : QUOTED;
    case QUOTE_IN_QUOTED:
      if (byte === quote) return QUOTED;
      if (byte === delimiter) return FIELD_START;
      return byte === RETURN ? RETURN_AFTER_QUOTE : BROKEN;
    case RETURN_AFTER_QUOTE:
      return BROKEN;
    default:
      return state;
  }
}

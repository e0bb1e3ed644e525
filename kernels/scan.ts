/**
 * Finds and verifies the fields of JSON Lines and CSV (src/formats/json, src/formats/csv), and finds lines of text, in AssemblyScript.
 * `npm run build:kernels` compiles it into src/formats/scan-kernel-code.ts.
 *
 * A window of the input lies at INPUT. The kernel writes one row for each record: a header, and a cell of 16 bytes for each field
 * that the job reads. It reads only what is regular, and leaves everything else to JavaScript, which has the same rules in full.
 * Positions are bytes; src/formats/scan-kernel.ts has the same ones.
 *
 *     row     start | end | order (8 bytes, JSON only) | cells
 *     cell    tag | - | a number, or: start | end       the tag is the id of a known text, or one of those below
 */

/** What the functions return beside their result. See endRows(), and word 3: whether all strings of JSON are ASCII. */
const RESULTS: usize = 0;
/** 10^0 to 10^15. */
const POWERS: usize = 64;
/** The bytes 0 to 15. */
const LANES: usize = 192;
/** CSV: for each cell its column and its kind, in four bytes each. */
const COLUMNS: usize = 1024;
/** JSON: for each cell the size of its name, with quotes, and at + 16 the name. */
const NAMES: usize = 4 * 1024;
/** JSON: the names of an earlier line in their order. */
const EXPECTED: usize = 8 * 1024;
/** CSV: where the fields of the current record end. */
const ENDS: usize = 16 * 1024;
/** Where texts start and end that became known in this call, and in which cells they were. */
const LEARNT: usize = 64 * 1024;
const INPUT: usize = 192 * 1024;
const ROWS: usize = 320 * 1024;
const ROWS_END: usize = 448 * 1024;
/** Known texts, in pairs of slots of 16 bytes: at most 15 bytes of ASCII, filled up with zeros, and the size + 1. */
const TEXTS: usize = 448 * 1024;
const TEXTS_BYTES: usize = 128 * 1024;
/** The id of each slot's text. */
const IDS: usize = 576 * 1024;

const SLOT_BITS: u64 = 13;
/** With so many ids, all are forgotten before the next call. A call adds at most 8192: a cell each. */
const IDS_KEPT: u32 = 8 * 1024;
const LEARNT_BYTES: usize = 12;
const LOW_FACTOR: u64 = 0x19e3779b97f4a7;
const HIGH_FACTOR: u64 = 0x1c2b2ae3d27d4f;

const CELL_BYTES: usize = 16;
const HEADER_BYTES: usize = 16;
const TEXT_BYTES_MAX: usize = 15;
/** A number of at most so many characters is the quotient of two exact numbers. */
const NUMBER_BYTES_MAX: usize = 15;

const MISSING: i32 = -1;
const NUMBER: i32 = -2;
const TRUE: i32 = -3;
const FALSE: i32 = -4;
const NULL: i32 = -5;
/** JSON: text of ASCII without escapes, without its quotes. */
const TEXT: i32 = -6;
/** Anything else, with its quotes. */
const RAW: i32 = -7;

/** Kinds of CSV columns: what is tried before RAW. 2 is text, and 3 text that is null if it is empty. */
const KIND_RAW: i32 = 0;
const KIND_NUMBER: i32 = 1;
const KIND_NULLABLE_TEXT: i32 = 3;

const ONE: i64 = 1;

const TAB: u32 = 0x09;
const NEWLINE: u32 = 0x0a;
const RETURN: u32 = 0x0d;
const SPACE: u32 = 0x20;
const QUOTE: u32 = 0x22;
const PLUS: u32 = 0x2b;
const COMMA: u32 = 0x2c;
const MINUS: u32 = 0x2d;
const DOT: u32 = 0x2e;
const SLASH: u32 = 0x2f;
const ZERO: u32 = 0x30;
const COLON: u32 = 0x3a;
const OPEN_ARRAY: u32 = 0x5b;
const BACKSLASH: u32 = 0x5c;
const OPEN_OBJECT: u32 = 0x7b;
const CLOSE_OBJECT: u32 = 0x7d;

/** How many cells a row has. */
let cells: u32 = 0;
/** One bit for each cell: whether its texts are looked up. */
let lookedUp: u32 = 0;
let nextId: u32 = 0;
let learnt: usize = LEARNT;
/** Which slot of a pair the next unknown text replaces. */
let replaced: usize = 0;

/** Must be called first, and once. */
export function start(): void {
  let power: f64 = 1;
  for (let i: usize = 0; i < 16; i++) {
    store<f64>(POWERS + 8 * i, power);
    store<u8>(LANES + i, <u8>i);
    power *= 10;
  }
}

/** Whether texts of each cell are looked up: one bit each. Cells that are 32 apart share one. */
export function lookUp(mask: u32): void {
  lookedUp = mask;
}

/** Called at the start of a call that makes rows. No id of an earlier call is in a row. */
function startRows(): void {
  learnt = LEARNT;
  if (nextId < IDS_KEPT) return;
  nextId = 0;
  memory.fill(TEXTS, 0, TEXTS_BYTES);
}

/** Stores where the next record starts, whether it is not regular, how many texts were learnt, and the next id. */
function endRows(next: usize, isIrregular: bool): void {
  store<u32>(RESULTS, <u32>(next - INPUT));
  store<u32>(RESULTS, isIrregular ? 1 : 0, 4);
  store<u32>(RESULTS, <u32>((learnt - LEARNT) / LEARNT_BYTES), 8);
  store<u32>(RESULTS, nextId, 16);
}

function putRange(cell: usize, tag: i32, from: usize, to: usize): void {
  store<i32>(cell, tag);
  store<u32>(cell, <u32>(from - INPUT), 8);
  store<u32>(cell, <u32>(to - INPUT), 12);
}

/**
 * Looks up a text of ASCII, and learns it if it is unknown.
 *
 * @returns its id, or -1: it is too long, or not ASCII
 */
function idOf(from: usize, to: usize, cell: u32): i32 {
  const size = to - from;
  if (size > TEXT_BYTES_MAX) return -1;
  let key = v128.and(v128.load(from), i8x16.lt_u(v128.load(LANES), i8x16.splat(<i8>size)));
  if (i8x16.bitmask(key) !== 0) return -1;
  key = i8x16.replace_lane(key, 15, <i8>(size + 1));
  const low: u64 = i64x2.extract_lane(key, 0);
  const high: u64 = i64x2.extract_lane(key, 1);
  const hash = low * LOW_FACTOR + high * HIGH_FACTOR;
  const pair = <usize>(hash >> (64 - SLOT_BITS)) & ~1;
  if (!v128.any_true(v128.xor(v128.load(TEXTS + 16 * pair), key))) return load<i32>(IDS + 4 * pair);
  if (!v128.any_true(v128.xor(v128.load(TEXTS + 16 * pair, 16), key))) return load<i32>(IDS + 4 * pair, 4);
  replaced ^= 1;
  v128.store(TEXTS + 16 * (pair + replaced), key);
  store<u32>(IDS + 4 * (pair + replaced), nextId);
  store<u32>(learnt, <u32>(from - INPUT));
  store<u32>(learnt, <u32>(to - INPUT), 4);
  store<u32>(learnt, cell, 8);
  learnt += LEARNT_BYTES;
  return nextId++;
}

// JSON Lines ---------------------------------------------------------------------------------------------------------------

const NAME_BYTES: usize = 64;
/** In an entry of EXPECTED: the size of the name with its quotes and colon, its cell or -1, and masks of its first 32 bytes. */
const EXPECTED_SIZE: usize = 32;
const EXPECTED_CELL: usize = 36;
const EXPECTED_LOW: usize = 40;
const EXPECTED_HIGH: usize = 44;
const EXPECTED_BYTES_MAX: usize = 32;
const EXPECTED_MAX: usize = 62;
/** No mask of 16 bytes matches it. */
const NO_NAME: i32 = 0x10000;
const DEPTH_MAX: u32 = 63;

/** "true" and "null", and "fals" of "false". */
const TRUE_WORD: u32 = 0x65757274;
const NULL_WORD: u32 = 0x6c6c756e;
const FALSE_WORD: u32 = 0x736c6166;

let expected: usize = 0;
/** What skipString() found: whether there are escapes, and not 0 if there are bytes beyond ASCII; and this for all lines. */
let hasEscapes: bool = false;
let highBits: u32 = 0;
let highBitsOfAll: u32 = 0;
/** The number that skipNumber() found, if it is plain. */
let number: f64 = 0;
let isPlain: bool = false;

/** Starts another reader: the names of so many cells are at NAMES. */
export function select(count: u32): void {
  cells = count;
  expectNothing();
}

/**
 * Reads lines. The byte before `to` must be a newline: it ends everything that is not complete. A row whose end is negative,
 * the end's complement, is a line that is not regular.
 *
 * @returns how many rows
 */
export function jsonLines(from: u32, to: u32): u32 {
  startRows();
  const rowBytes: usize = HEADER_BYTES + CELL_BYTES * cells;
  const end = INPUT + to;
  let line: usize = INPUT + from;
  let row = ROWS;
  highBitsOfAll = 0;
  while (line < end && row + rowBytes <= ROWS_END) {
    const next = readLine(line, row);
    store<u32>(row, <u32>(line - INPUT));
    line = next === 0 ? lineEnd(line) : next;
    const at = <i32>(line - INPUT);
    store<i32>(row, next === 0 ? ~at : at, 4);
    row += rowBytes;
  }
  endRows(line, false);
  store<u32>(RESULTS, highBitsOfAll === 0 ? 1 : 0, 12);
  return <u32>((row - ROWS) / rowBytes);
}

function lineEnd(from: usize): usize {
  const newline = i8x16.splat(<i8>NEWLINE);
  let at = from;
  let found = i8x16.bitmask(i8x16.eq(v128.load(at), newline));
  while (found === 0) {
    at += 16;
    found = i8x16.bitmask(i8x16.eq(v128.load(at), newline));
  }
  return at + <usize>ctz(found) + 1;
}

/** Returns where the next line starts; 0 if this one is not regular. */
function readLine(line: usize, row: usize): usize {
  let at = skipSpaces(line);
  if (load<u8>(at) !== OPEN_OBJECT) return 0;
  at = skipSpaces(at + 1);
  for (let cell: u32 = 0; cell < cells; cell++) store<i32>(row + HEADER_BYTES + CELL_BYTES * cell, MISSING);
  let order: u64 = 0;
  let shift: u64 = 0;
  let place: usize = 0;
  let unexpected: usize = 0;
  let more = load<u8>(at) !== CLOSE_OBJECT;
  while (more) {
    let cell: i32;
    // A line may lack a field, so that the name after the expected one comes.
    if (isExpected(at, place) || isExpected(at, ++place)) {
      const entry = EXPECTED + NAME_BYTES * place;
      cell = load<i32>(entry, EXPECTED_CELL);
      at = skipSpaces(at + load<u32>(entry, EXPECTED_SIZE));
      place += 1;
    } else {
      place -= 1;
      const end = load<u8>(at) === QUOTE ? skipString(at + 1) : 0;
      if (end === 0 || hasEscapes) return 0;
      cell = cellNamed(at, end);
      if (place < expected) unexpected += 1;
      else if (expect(at, end, cell)) place += 1;
      at = skipColon(end);
      if (at === 0) return 0;
    }
    if (cell >= 0) {
      order |= (<u64>cell + 1) << shift;
      shift += 4;
      at = readValue(at, row + HEADER_BYTES + CELL_BYTES * cell, cell);
    } else {
      at = skipValue(at);
    }
    if (at === 0) return 0;
    at = skipSpaces(at);
    more = load<u8>(at) === COMMA;
    if (more) at = skipSpaces(at + 1);
    else if (load<u8>(at) !== CLOSE_OBJECT) return 0;
  }
  at = skipSpaces(at + 1);
  if (load<u8>(at) !== NEWLINE) return 0;
  if (unexpected * 2 > place) expectNothing();
  store<u64>(row, order, 8);
  return at + 1;
}

function isExpected(at: usize, place: usize): bool {
  const entry = EXPECTED + NAME_BYTES * place;
  const low = load<i32>(entry, EXPECTED_LOW);
  if ((i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(entry))) & low) !== low) return false;
  const high = load<i32>(entry, EXPECTED_HIGH);
  return high === 0 || (i8x16.bitmask(i8x16.eq(v128.load(at, 16), v128.load(entry, 16))) & high) === high;
}

/** Expects the name [from, to), with its quotes, as the last one of the next line. Returns false if it cannot. */
function expect(from: usize, to: usize, cell: i32): bool {
  const size = to + 1 - from;
  // A compact writer puts the colon right after the name.
  if (load<u8>(to) !== COLON || size > EXPECTED_BYTES_MAX || expected === EXPECTED_MAX) return false;
  const entry = EXPECTED + NAME_BYTES * expected;
  memory.copy(entry, from, size);
  store<u32>(entry, <u32>size, EXPECTED_SIZE);
  store<i32>(entry, cell, EXPECTED_CELL);
  store<i32>(entry, size >= 16 ? 0xffff : (1 << (<i32>size)) - 1, EXPECTED_LOW);
  const after16 = <i64>size - 16;
  store<i32>(entry, size <= 16 ? 0 : <i32>((ONE << after16) - 1), EXPECTED_HIGH);
  expected += 1;
  return true;
}

function expectNothing(): void {
  expected = 0;
  // Two more than there can be, so that none is expected beyond.
  for (let place: usize = 0; place < EXPECTED_MAX + 2; place++)
    store<i32>(EXPECTED + NAME_BYTES * place, NO_NAME, EXPECTED_LOW);
}

function cellNamed(from: usize, to: usize): i32 {
  const size = to - from;
  for (let cell: u32 = 0; cell < cells; cell++) {
    const entry = NAMES + NAME_BYTES * cell;
    if (load<u32>(entry) === size && memory.compare(entry + 16, from, size) === 0) return cell;
  }
  return -1;
}

/** Writes the value that starts at `at` to the cell. Returns where it ends, or 0. */
function readValue(at: usize, to: usize, cell: u32): usize {
  // Of two fields of the same name the last one counts, but JavaScript finds out in which order they are then.
  if (load<i32>(to) !== MISSING) return 0;
  const first: u32 = load<u8>(at);
  if (first === QUOTE) {
    const end = skipString(at + 1);
    if (end === 0) return 0;
    if (hasEscapes || highBits !== 0) putRange(to, RAW, at, end);
    else putText(to, at + 1, end - 1, cell);
    return end;
  }
  if (first === MINUS || first - ZERO < 10) {
    const end = skipNumber(at);
    if (end === 0) return 0;
    if (isPlain && end - at <= NUMBER_BYTES_MAX) {
      store<i32>(to, NUMBER);
      store<f64>(to, number, 8);
    } else putRange(to, RAW, at, end);
    return end;
  }
  const end = skipValue(at);
  const word = load<u32>(at);
  if (word === TRUE_WORD) store<i32>(to, TRUE);
  else if (word === FALSE_WORD) store<i32>(to, FALSE);
  else if (word === NULL_WORD) store<i32>(to, NULL);
  else putRange(to, RAW, at, end);
  return end;
}

function putText(to: usize, start: usize, end: usize, cell: u32): void {
  const id = (lookedUp >> cell) & 1 ? idOf(start, end, cell) : -1;
  if (id === -1) putRange(to, TEXT, start, end);
  else store<i32>(to, id);
}

/** From the first byte of a value to after its last one; 0 if it is not JSON. */
function skipValue(at: usize): usize {
  const first: u32 = load<u8>(at);
  if (first === QUOTE) return skipString(at + 1);
  if (first === MINUS || first - ZERO < 10) return skipNumber(at);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return skipNested(at);
  return skipWord(at);
}

function skipSpaces(from: usize): usize {
  let at = from;
  let byte: u32 = load<u8>(at);
  // Most texts are written without any.
  while (byte <= SPACE && (byte === SPACE || byte === TAB || byte === RETURN)) byte = load<u8>(++at);
  return at;
}

function skipColon(from: usize): usize {
  const at = skipSpaces(from);
  return load<u8>(at) === COLON ? skipSpaces(at + 1) : 0;
}

function skipName(at: usize): usize {
  const end = load<u8>(at) === QUOTE ? skipString(at + 1) : 0;
  return end === 0 ? 0 : skipColon(end);
}

/** From after the opening quote to after the closing one, or 0. */
function skipString(from: usize): usize {
  const quote = i8x16.splat(<i8>QUOTE);
  const backslash = i8x16.splat(<i8>BACKSLASH);
  const space = i8x16.splat(<i8>SPACE);
  let at = from;
  let high: u32 = 0;
  hasEscapes = false;
  while (true) {
    const bytes = v128.load(at);
    const marks = v128.or(i8x16.eq(bytes, quote), i8x16.eq(bytes, backslash));
    const found = i8x16.bitmask(v128.or(marks, i8x16.lt_u(bytes, space)));
    const bytesHigh = i8x16.bitmask(bytes);
    if (found === 0) {
      high |= bytesHigh;
      at += 16;
      continue;
    }
    const first = ctz(found);
    high |= bytesHigh & ((1 << first) - 1);
    at += first;
    const byte: u32 = load<u8>(at);
    if (byte === QUOTE) break;
    at = byte === BACKSLASH ? skipEscape(at + 1) : 0;
    if (at === 0) return 0;
    hasEscapes = true;
  }
  highBits = high;
  highBitsOfAll |= high;
  return at + 1;
}

function skipEscape(at: usize): usize {
  const byte: u32 = load<u8>(at);
  if (byte === 0x75) {
    for (let digit = at + 1; digit < at + 5; digit++) {
      const hex: u32 = load<u8>(digit);
      if (hex - ZERO >= 10 && (hex | 0x20) - 0x61 >= 6) return 0;
    }
    return at + 5;
  }
  // b, f, n, r, t
  const isLetter = byte === 0x62 || byte === 0x66 || byte === 0x6e || byte === 0x72 || byte === 0x74;
  return isLetter || byte === QUOTE || byte === BACKSLASH || byte === SLASH ? at + 1 : 0;
}

function skipNumber(from: usize): usize {
  const isNegative = load<u8>(from) === MINUS;
  let at = isNegative ? from + 1 : from;
  let digit: u32 = load<u8>(at) - ZERO;
  if (digit >= 10) return 0;
  let digits: i64 = digit;
  const isZero = digit === 0;
  digit = load<u8>(++at) - ZERO;
  while (digit < 10 && !isZero) {
    digits = 10 * digits + digit;
    digit = load<u8>(++at) - ZERO;
  }
  let decimals: usize = 0;
  if (load<u8>(at) === DOT) {
    const first = at + 1;
    digit = load<u8>(++at) - ZERO;
    while (digit < 10) {
      digits = 10 * digits + digit;
      digit = load<u8>(++at) - ZERO;
    }
    decimals = at - first;
    if (decimals === 0) return 0;
  }
  isPlain = (load<u8>(at) | 0x20) !== 0x65;
  if (!isPlain) return skipExponent(at + 1);
  // Longer numbers are not used.
  let value = <f64>digits;
  if (decimals !== 0) value /= load<f64>(POWERS + 8 * min(decimals, NUMBER_BYTES_MAX));
  number = isNegative ? -value : value;
  return at;
}

/** From after the letter. */
function skipExponent(from: usize): usize {
  const sign: u32 = load<u8>(from);
  const first = sign === PLUS || sign === MINUS ? from + 1 : from;
  let at = first;
  while (<u32>load<u8>(at) - ZERO < 10) at++;
  return at === first ? 0 : at;
}

function skipWord(at: usize): usize {
  const word = load<u32>(at);
  if (word === TRUE_WORD || word === NULL_WORD) return at + 4;
  return word === FALSE_WORD && load<u8>(at, 4) === 0x65 ? at + 5 : 0;
}

/** From the first byte of an object or array. The open ones are bits: 1 for an object. */
function skipNested(from: usize): usize {
  let at = from;
  let depth: u32 = 0;
  let open: u64 = 0;
  while (true) {
    // A value starts here.
    const first: u32 = load<u8>(at);
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      at = skipSpaces(at + 1);
      // Both closing brackets follow their opening ones by two.
      if (load<u8>(at) !== first + 2) {
        if (depth === DEPTH_MAX) return 0;
        depth++;
        open = (open << 1) | (first === OPEN_OBJECT ? 1 : 0);
        if (first === OPEN_OBJECT) at = skipName(at);
        if (at === 0) return 0;
        continue;
      }
      at++;
    } else {
      at =
        first === QUOTE
          ? skipString(at + 1)
          : first === MINUS || first - ZERO < 10
            ? skipNumber(at)
            : skipWord(at);
      if (at === 0) return 0;
    }
    // A value ends here, and with it perhaps the arrays and objects around it.
    while (true) {
      if (depth === 0) return at;
      at = skipSpaces(at);
      if (load<u8>(at) !== (open & 1 ? OPEN_OBJECT : OPEN_ARRAY) + 2) break;
      depth--;
      open >>= 1;
      at++;
    }
    if (load<u8>(at) !== COMMA) return 0;
    at = skipSpaces(at + 1);
    if (open & 1) at = skipName(at);
    if (at === 0) return 0;
  }
}

// CSV ----------------------------------------------------------------------------------------------------------------------

const STEP_BYTES: usize = 64;
/** A record of more columns is not regular. The columns of a step, and up to three more, are written beyond. */
const COLUMNS_MAX: usize = 1024;
/** What is not in the dialect. */
const NONE: u32 = 256;

let delimiter: u32 = COMMA;
let quote: u32 = QUOTE;
let comment: u32 = NONE;
let isMultiline: bool = true;
let columns: u32 = 0;
let mayHaveMore: bool = false;

/** Starts another reader: the columns of so many cells are at COLUMNS. */
export function describeCsv(
  count: u32,
  delimiterByte: u32,
  quoteByte: u32,
  commentByte: u32,
  multiline: bool,
  columnCount: u32,
  moreAllowed: bool,
): void {
  cells = count;
  delimiter = delimiterByte;
  quote = quoteByte;
  comment = commentByte;
  isMultiline = multiline;
  columns = columnCount;
  mayHaveMore = moreAllowed;
}

let row: usize = ROWS;
/** Where the current record starts, and where the end of its next field is to be written. */
let record: usize = INPUT;
let ends: usize = ENDS;
/** Whether the current field is quoted, and its quote open; and where it ends if its quote is closed, otherwise 0. */
let isOpen: bool = false;
let closedAt: usize = 0;

/**
 * Reads the records of [from, to). It stops before a record that is not regular or not complete, and before a comment, which
 * must not be at `from`.
 *
 * @returns how many rows
 */
export function csvRows(from: u32, to: u32): u32 {
  startRows();
  row = ROWS;
  record = INPUT + from;
  ends = ENDS;
  isOpen = false;
  closedAt = 0;
  const isStopped = !findRows(INPUT + from, INPUT + to);
  endRows(record, isStopped);
  return <u32>((row - ROWS) / (HEADER_BYTES + CELL_BYTES * cells));
}

/** Returns false if it stops before all bytes are read. */
function findRows(from: usize, to: usize): bool {
  const quotes16 = i8x16.splat(<i8>quote);
  const hasQuotes = quote !== NONE;
  for (let at = from; at < to; at += STEP_BYTES) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    let delimiters = maskOf(a, b, c, d, i8x16.splat(<i8>delimiter));
    let newlines = maskOf(a, b, c, d, i8x16.splat(<i8>NEWLINE));
    let quotes: u64 = hasQuotes ? maskOf(a, b, c, d, quotes16) : 0;
    if (to - at < STEP_BYTES) {
      const left = <i64>(to - at);
      const within = (ONE << left) - 1;
      delimiters &= within;
      newlines &= within;
      quotes &= within;
    }
    if (ends > ENDS + 4 * COLUMNS_MAX) return false;
    if ((quotes | <u64>closedAt) !== 0) {
      if (!stepQuoted(at, delimiters, newlines, quotes)) return false;
    } else if (isOpen) {
      if (newlines !== 0 && !isMultiline) return false;
    } else if (!stepPlain(at, delimiters, newlines)) return false;
  }
  return true;
}

function maskOf(a: v128, b: v128, c: v128, d: v128, byte: v128): u64 {
  return (
    <u64>i8x16.bitmask(i8x16.eq(a, byte)) |
    ((<u64>i8x16.bitmask(i8x16.eq(b, byte))) << 16) |
    ((<u64>i8x16.bitmask(i8x16.eq(c, byte))) << 32) |
    ((<u64>i8x16.bitmask(i8x16.eq(d, byte))) << 48)
  );
}

/** For 64 bytes without quotes. */
function stepPlain(at: usize, delimiters: u64, newlines: u64): bool {
  let left = delimiters;
  for (let lines = newlines; lines !== 0; lines &= lines - 1) {
    const line = ctz(lines);
    const before = (ONE << line) - 1;
    putEnds(at, left & before);
    left &= ~before;
    if (!endRecord(at + <usize>line)) return false;
  }
  putEnds(at, left);
  return true;
}

/** Writes where fields end. Four at a time, since that mispredicts less. */
function putEnds(at: usize, delimiters: u64): void {
  let left = delimiters;
  for (let to = ends; left !== 0; to += 16) {
    store<u32>(to, <u32>(at + <usize>ctz(left)));
    left &= left - 1;
    store<u32>(to, <u32>(at + <usize>ctz(left)), 4);
    left &= left - 1;
    store<u32>(to, <u32>(at + <usize>ctz(left)), 8);
    left &= left - 1;
    store<u32>(to, <u32>(at + <usize>ctz(left)), 12);
    left &= left - 1;
  }
  ends += 4 * <usize>popcnt(delimiters);
}

/** For 64 bytes with quotes, or after a closing quote. */
function stepQuoted(at: usize, delimiters: u64, newlines: u64, quotes: u64): bool {
  for (let left = delimiters | newlines | quotes; left !== 0; left &= left - 1) {
    const bit = left & (0 - left);
    const place = at + <usize>ctz(left);
    if ((quotes & bit) !== 0) {
      if (isOpen) {
        isOpen = false;
        closedAt = place + 1;
        continue;
      }
      // The second of two quotes, or the first byte of a field.
      if (closedAt !== place && (closedAt !== 0 || place !== fieldStart())) return false;
      isOpen = true;
      closedAt = 0;
    } else if (isOpen) {
      if (!isMultiline && (newlines & bit) !== 0) return false;
    } else if ((delimiters & bit) !== 0) {
      if (closedAt !== 0 && closedAt !== place) return false;
      closedAt = 0;
      store<u32>(ends, <u32>place);
      ends += 4;
    } else {
      const isAfterReturn = closedAt === place - 1 && load<u8>(closedAt) === RETURN;
      if (closedAt !== 0 && closedAt !== place && !isAfterReturn) return false;
      closedAt = 0;
      if (!endRecord(place)) return false;
    }
  }
  return true;
}

function fieldStart(): usize {
  return ends === ENDS ? record : <usize>load<u32>(ends - 4) + 1;
}

/** Writes the row of the record that ends at this newline. Returns false for a record that is not regular, and to stop. */
function endRecord(newline: usize): bool {
  const isAfterReturn = newline > fieldStart() && load<u8>(newline - 1) === RETURN;
  store<u32>(ends, <u32>(isAfterReturn ? newline - 1 : newline));
  const count = <u32>((ends - ENDS) >> 2) + 1;
  if (count !== columns && !(mayHaveMore && count > columns)) return false;
  const next = row + HEADER_BYTES + CELL_BYTES * cells;
  if (next > ROWS_END) return false;
  store<u32>(row, <u32>(record - INPUT));
  store<u32>(row, <u32>(newline + 1 - INPUT), 4);
  let to = row + HEADER_BYTES;
  for (let cell: u32 = 0; cell < cells; cell++) {
    const column = load<u32>(COLUMNS + 8 * cell);
    const end: usize = load<u32>(ENDS + 4 * column);
    const from = column === 0 ? record : <usize>load<u32>(ENDS + 4 * column - 4) + 1;
    putCell(to, from, end, cell);
    to += CELL_BYTES;
  }
  row = next;
  record = newline + 1;
  ends = ENDS;
  return load<u8>(record) !== comment;
}

function putCell(to: usize, start: usize, end: usize, cell: u32): void {
  const kind = load<i32>(COLUMNS + 8 * cell, 4);
  let from = start;
  let till = end;
  const isQuoted = start < end && load<u8>(start) === quote;
  if (isQuoted) {
    from += 1;
    till -= 1;
  }
  if (kind === KIND_NUMBER) {
    if (putNumber(to, from, till)) return;
  } else if (kind !== KIND_RAW && (lookedUp >> cell) & 1 && !(isQuoted && holdsQuote(from, till))) {
    const isNull = kind === KIND_NULLABLE_TEXT && start === end;
    const id = isNull ? -1 : idOf(from, till, cell);
    store<i32>(to, id);
    if (id !== -1) return;
  }
  putRange(to, RAW, start, end);
}

/** For text of at most TEXT_BYTES_MAX; longer text is not looked up. */
function holdsQuote(from: usize, to: usize): bool {
  const found = i8x16.bitmask(i8x16.eq(v128.load(from), i8x16.splat(<i8>quote)));
  return (found & ((1 << (<i32>min(to - from, 16))) - 1)) !== 0;
}

/** Decimals of at most NUMBER_BYTES_MAX bytes after the sign. Returns false for all others. */
function putNumber(to: usize, start: usize, end: usize): bool {
  const isNegative = load<u8>(start) === MINUS;
  const first = isNegative ? start + 1 : start;
  const size = end - first;
  if (size - 1 >= NUMBER_BYTES_MAX) return false;
  let digits: i64 = 0;
  let point: usize = 0;
  for (let at = first; at < end; at++) {
    const digit = <u32>load<u8>(at) - ZERO;
    if (digit < 10) digits = 10 * digits + digit;
    else if (digit + ZERO === DOT && point === 0 && size > 1) point = at;
    else return false;
  }
  let value = <f64>digits;
  if (point !== 0) value /= load<f64>(POWERS + 8 * (end - point - 1));
  store<i32>(to, NUMBER);
  store<f64>(to, isNegative ? -value : value, 8);
  return true;
}

// Text --------------------------------------------------------------------------------------------------------------------

/**
 * Finds the lines of [from, till) that hold two bytes at a distance of at most 15. The bytes are compared after an OR with `firstBits` and
 * `secondBits`: 0x20 for letters in upper or lower case. The last line may lack its newline.
 *
 * A row has three words: where the line starts and ends, its newline included, and whether all of it is ASCII.
 *
 * @returns how many rows
 */
export function linesWithPair(
  from: u32,
  till: u32,
  first: u32,
  firstBits: u32,
  second: u32,
  secondBits: u32,
  distance: u32,
): u32 {
  const end = INPUT + till;
  const a = i8x16.splat(<i8>first);
  const b = i8x16.splat(<i8>second);
  const aBits = i8x16.splat(<i8>firstBits);
  const bBits = i8x16.splat(<i8>secondBits);
  let line: usize = INPUT + from;
  let at = line;
  let to = ROWS;
  while (at < end && to + 12 <= ROWS_END) {
    const low = pairs(at, a, aBits, b, bBits, distance);
    const high = pairs(at + 16, a, aBits, b, bBits, distance);
    if (!v128.any_true(v128.or(low, high))) {
      at += 32;
      continue;
    }
    const found = <u32>i8x16.bitmask(low) | ((<u32>i8x16.bitmask(high)) << 16);
    const place = at + <usize>ctz(found);
    if (place + distance >= end) {
      at = end;
      break;
    }
    const lineStart = lastLineStart(line, place);
    line = nextLine(place, end);
    store<u32>(to, <u32>(lineStart - INPUT));
    store<u32>(to, <u32>(line - INPUT), 4);
    store<u32>(to, allAscii(lineStart, line) ? 1 : 0, 8);
    to += 12;
    at = line;
  }
  endRows(min(at, end), false);
  return <u32>((to - ROWS) / 12);
}

function pairs(at: usize, a: v128, aBits: v128, b: v128, bBits: v128, distance: u32): v128 {
  return v128.and(
    i8x16.eq(v128.or(v128.load(at), aBits), a),
    i8x16.eq(v128.or(v128.load(at + distance), bBits), b),
  );
}

function lastLineStart(least: usize, place: usize): usize {
  const newline = i8x16.splat(<i8>NEWLINE);
  let at = place;
  while (at > least + 16) {
    const found = <u32>i8x16.bitmask(i8x16.eq(v128.load(at - 16), newline));
    if (found !== 0) return at + 16 - <usize>clz(found);
    at -= 16;
  }
  while (at > least && load<u8>(at - 1) !== NEWLINE) at--;
  return at;
}

function nextLine(place: usize, end: usize): usize {
  const newline = i8x16.splat(<i8>NEWLINE);
  for (let at = place; at < end; at += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), newline));
    if (found !== 0) return min(at + <usize>ctz(found) + 1, end);
  }
  return end;
}

function allAscii(from: usize, to: usize): bool {
  let at = from;
  for (; at + 16 <= to; at += 16) if (i8x16.bitmask(v128.load(at)) !== 0) return false;
  for (; at < to; at++) if (load<u8>(at) >= 0x80) return false;
  return true;
}

/**
 * The inner loops of the sort buffer (src/map/record-buffer.ts) and of merges (src/shuffle/bulk-merge.ts), in AssemblyScript. `npm run build:kernels` compiles them into
 * src/shuffle/sort-kernel-code.ts. src/map/sort-memory.ts describes the memory, and src/map/sort-twin.ts does the same in JavaScript.
 *
 * Positions are bytes of the memory. A record is: varint(keyLength + 1)  varint(valueLength)  key  value
 */
import { findWords, stoppedAt } from './words';

/** Words: how many bytes and how many records gather() wrote; a result that nobody reads, so that loads stay. */
const RESULTS: usize = 0;
const HISTOGRAM: usize = 1024;
/** For each partition, one word; see group(). */
const ENDS: usize = 64 * 1024;

const INSERTION_SORT_MAX: u32 = 24;
/** Below this, clearing and adding up a larger histogram would take longer than another pass. */
const WIDE_DIGITS_MIN: u32 = 2048;
const TOUCHED_RECORDS: u32 = 64;
const VARINT_BYTES_MAX: u32 = 5;
/** Longer records are copied by a call. */
const LOOP_BYTES_MAX: usize = 1024;

/**
 * Writes `count` offsets to `grouped`, partition by partition, in their order. `partitions` has the partition of each, in two
 * bytes. ENDS then has the end of each of `partitionCount` partitions in `grouped`.
 */
export function group(
  offsets: usize,
  partitions: usize,
  count: u32,
  partitionCount: u32,
  grouped: usize,
): void {
  memory.fill(ENDS, 0, partitionCount << 2);
  for (let i: u32 = 0; i < count; i++) {
    const end = ENDS + ((<usize>load<u16>(partitions + ((<usize>i) << 1))) << 2);
    store<u32>(end, load<u32>(end) + 1);
  }
  let sum: u32 = 0;
  for (let end = ENDS; end < ENDS + ((<usize>partitionCount) << 2); end += 4) {
    const size = load<u32>(end);
    store<u32>(end, sum);
    sum += size;
  }
  for (let i: u32 = 0; i < count; i++) {
    const end = ENDS + ((<usize>load<u16>(partitions + ((<usize>i) << 1))) << 2);
    const position = load<u32>(end);
    store<u32>(end, position + 1);
    store<u32>(grouped + ((<usize>position) << 2), load<u32>(offsets + ((<usize>i) << 2)));
  }
}

/** Copies that wait: to, from, and how many bytes, a word each. They lie where a histogram lies while sorting. */
const COPIES: usize = HISTOGRAM;

export function copyAll(count: u32): void {
  const copiesEnd = COPIES + <usize>count * 12;
  for (let copy = COPIES; copy < copiesEnd; copy += 12) {
    let to = <usize>load<u32>(copy);
    let from = <usize>load<u32>(copy, 4);
    const bytes = <usize>load<u32>(copy, 8);
    if (bytes < 16) {
      for (const end = from + bytes; from < end; from++, to++) store<u8>(to, load<u8>(from));
      continue;
    }
    // What follows is written already, so the last 16 bytes overlap those before.
    const last = from + bytes - 16;
    for (; from < last; from += 16, to += 16) v128.store(to, v128.load(from));
    v128.store(to + last - from, v128.load(last));
  }
}

/** The key of the record that locate() read last, and where its value ends. */
let key: usize = 0;
let keyBytes: u32 = 0;
let recordEnd: usize = 0;

function locate(record: usize): void {
  const first = <u32>load<u8>(record);
  const second = <u32>load<u8>(record, 1);
  if ((first | second) < 0x80) {
    key = record + 2;
    keyBytes = first - 1;
    recordEnd = key + keyBytes + second;
  } else {
    locateLong(record);
  }
}

function locateLong(record: usize): void {
  const keySize = varint(record);
  const valueBytes = varint(varintEnd);
  key = varintEnd;
  keyBytes = keySize - 1;
  recordEnd = key + keyBytes + valueBytes;
}

let varintEnd: usize = 0;

function varint(start: usize): u32 {
  let at = start;
  let value: u32 = 0;
  let shift: u32 = 0;
  for (;;) {
    const byte = <u32>load<u8>(at++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
    shift += 7;
  }
  varintEnd = at;
  return value;
}

/** The 8 bytes of the key after `depth`, the first one highest; zeros where the key has ended. */
function prefixAt(depth: u32): u64 {
  if (keyBytes >= depth + 8) return bswap<u64>(load<u64>(key + depth));
  if (keyBytes <= depth) return 0;
  return bswap<u64>(load<u64>(key + depth)) & ((<u64>-1) << ((8 - keyBytes + depth) << 3));
}

/** Where the ranges are that are still to be sorted: start, count and depth, a word each. */
let stack: usize = 0;
let scratchItems: usize = 0;

/**
 * Sorts `count` offsets by the keys of the records at `records` + offset. Stable. `scratch` has 16 bytes for each, and half a
 * byte for ranges (16 at least).
 *
 * A range is sorted by 32 bits of each key, in a radix sort of (bits, offset); what is equal then is sorted at a greater depth.
 * The bits are those that differ: a bit that all keys of the range share is left out, and so are the higher bits of its byte.
 */
export function sort(records: usize, offsets: usize, count: u32, scratch: usize): void {
  scratchItems = scratch;
  const bottom = scratch + ((<usize>count) << 4);
  stack = bottom;
  push(offsets, count, 0);
  while (stack > bottom) {
    stack -= 12;
    sortRange(records, load<u32>(stack), load<u32>(stack, 4), load<u32>(stack, 8));
  }
}

function push(offsets: usize, count: u32, depth: u32): void {
  store<u32>(stack, <u32>offsets);
  store<u32>(stack, count, 4);
  store<u32>(stack, depth, 8);
  stack += 12;
}

/** Sorts a range whose keys agree in their first `depth` bytes. */
function sortRange(records: usize, offsets: usize, count: u32, depth: u32): void {
  if (count <= INSERTION_SORT_MAX) {
    insertionSort(records, offsets, count, depth);
    return;
  }
  const items = scratchItems;
  const itemsEnd = items + ((<usize>count) << 3);
  for (;;) {
    let mask: u64 = 0;
    let touched: u32 = 0;
    let shortest: u32 = 9;
    let longest: u32 = 0;
    locate(records + load<u32>(offsets));
    const first = prefixAt(depth);
    let from = offsets;
    let touchedEnd = from;
    for (let item = items; item < itemsEnd; item += 8, from += 4) {
      if (from >= touchedEnd) {
        touchedEnd = min(offsets + ((<usize>count) << 2), from + (TOUCHED_RECORDS << 2));
        for (let next = from; next < touchedEnd; next += 4) touched += load<u8>(records + load<u32>(next));
      }
      locate(records + load<u32>(from));
      const left = min(keyBytes - depth, 9);
      shortest = min(shortest, left);
      longest = max(longest, left);
      const prefix = prefixAt(depth);
      mask |= prefix ^ first;
      store<u64>(item, prefix);
    }
    store<u32>(RESULTS, touched, 8);
    if (mask === 0) {
      // A zero looks like the end of a key.
      if (shortest >= 8) {
        if (longest === 8) return;
        depth += 8;
        if (shortest === 8) {
          sortByEnd(records, offsets, count, depth);
          return;
        }
        continue;
      }
      if (shortest !== longest) sortByLength(records, offsets, count, depth);
      return;
    }
    const sharedBytes = <u32>clz(mask) >> 3;
    if (sharedBytes > 0 && longest === 9 && shortest >= sharedBytes) {
      depth += sharedBytes;
      continue;
    }
    sortByMask(records, offsets, count, depth, mask);
    return;
  }
}

/** Sorts a range in which all keys have the same `depth` bytes, and some end there: these come first. */
function sortByEnd(records: usize, offsets: usize, count: u32, depth: u32): void {
  const longer = partitionByLength(records, offsets, count, depth);
  if (longer > 0) push(offsets + ((<usize>(count - longer)) << 2), longer, depth);
}

/** Moves the keys of `depth` bytes before those that are longer, in a stable way. Returns how many are longer. */
function partitionByLength(records: usize, offsets: usize, count: u32, depth: u32): u32 {
  let kept = offsets;
  let longer = scratchItems;
  for (let from = offsets; from < offsets + ((<usize>count) << 2); from += 4) {
    const offset = load<u32>(from);
    locate(records + offset);
    if (keyBytes > depth) {
      store<u32>(longer, offset);
      longer += 4;
    } else {
      store<u32>(kept, offset);
      kept += 4;
    }
  }
  memory.copy(kept, scratchItems, longer - scratchItems);
  return <u32>((longer - scratchItems) >> 2);
}

/** Sorts a range whose keys differ only in how many of up to 8 zeros they have after `depth` bytes, or in what follows those. */
function sortByLength(records: usize, offsets: usize, count: u32, depth: u32): void {
  let rest = offsets;
  let left = count;
  for (let length = depth; length < depth + 8 && left > 0; length++) {
    const longer = partitionByLength(records, rest, left, length);
    rest += (<usize>(left - longer)) << 2;
    left = longer;
  }
  if (left > 0) push(rest, left, depth + 8);
}

/** Sorts a range by the bits that differ; SCRATCH has the prefixes. */
function sortByMask(records: usize, offsets: usize, count: u32, depth: u32, mask: u64): void {
  const items = scratchItems;
  const itemsEnd = items + ((<usize>count) << 3);
  // How many low bits of each byte differ, and how many bytes make at least 32 bits.
  let widths: u64 = 0;
  let bits: u32 = 0;
  let bytes: u32 = 0;
  for (; bytes < 8 && bits < 32; bytes++) {
    const width = 32 - <u32>clz(<u32>(mask >> (56 - (bytes << 3))) & 0xff);
    widths |= (<u64>width) << (bytes << 3);
    bits += width;
  }
  const dropped: u64 = bits > 32 ? bits - 32 : 0;
  if (bits > 32) bits = 32;
  const digitBits: u32 = count < WIDE_DIGITS_MIN ? 8 : 11;
  const digits: u32 = (bits + digitBits - 1) / digitBits;
  const buckets: u32 = 1 << digitBits;
  const digitMask: u32 = buckets - 1;
  memory.fill(HISTOGRAM, 0, (buckets * digits) << 2);
  let from = offsets;
  for (let item = items; item < itemsEnd; item += 8, from += 4) {
    let prefix = load<u64>(item);
    let packed: u64 = 0;
    for (let byte: u32 = 0, w = widths; byte < bytes; byte++, w >>= 8) {
      const width = w & 0xff;
      const top = prefix >> 56;
      packed = (packed << width) | (top & ~((<u64>-1) << width));
      prefix <<= 8;
    }
    packed >>= dropped;
    store<u64>(item, (packed << 32) | <u64>load<u32>(from));
    let rest = <u32>packed;
    let counts = HISTOGRAM;
    for (let digit: u32 = 0; digit < digits; digit++) {
      const at = counts + ((<usize>(rest & digitMask)) << 2);
      store<u32>(at, load<u32>(at) + 1);
      rest >>>= digitBits;
      counts += (<usize>buckets) << 2;
    }
  }
  let source = items;
  let target = items + ((<usize>count) << 3);
  let shift: u64 = 32;
  let counts = HISTOGRAM;
  for (let digit: u32 = 0; digit < digits; digit++) {
    let position = target;
    for (let at = counts; at < counts + ((<usize>buckets) << 2); at += 4) {
      const size = load<u32>(at);
      store<u32>(at, <u32>position);
      position += (<usize>size) << 3;
    }
    for (let item = source; item < source + ((<usize>count) << 3); item += 8) {
      const moved = load<u64>(item);
      const at = counts + ((<usize>(<u32>(moved >> shift) & digitMask)) << 2);
      const to = <usize>load<u32>(at);
      store<u64>(to, moved);
      store<u32>(at, <u32>to + 8);
    }
    const other = source;
    source = target;
    target = other;
    shift += digitBits;
    counts += (<usize>buckets) << 2;
  }
  unpack(records, offsets, source, count, depth);
}

/** Writes the offsets of the sorted items back, and sorts what has equal bits or leaves it for later. */
function unpack(records: usize, offsets: usize, items: usize, count: u32, depth: u32): void {
  let i: u32 = 0;
  while (i < count) {
    const item = load<u64>(items + ((<usize>i) << 3));
    store<u32>(offsets + ((<usize>i) << 2), <u32>item);
    let end = i + 1;
    while (end < count) {
      const next = load<u64>(items + ((<usize>end) << 3));
      if ((next ^ item) >> 32 !== 0) break;
      store<u32>(offsets + ((<usize>end) << 2), <u32>next);
      end++;
    }
    if (end - i > 1) {
      if (end - i <= INSERTION_SORT_MAX) insertionSort(records, offsets + ((<usize>i) << 2), end - i, depth);
      else push(offsets + ((<usize>i) << 2), end - i, depth);
    }
    i = end;
  }
}

function insertionSort(records: usize, offsets: usize, count: u32, depth: u32): void {
  const end = offsets + ((<usize>count) << 2);
  for (let next = offsets + 4; next < end; next += 4) {
    const offset = load<u32>(next);
    locate(records + offset);
    const itsKey = key;
    const itsBytes = keyBytes;
    const prefix = prefixAt(depth);
    let at = next;
    while (at > offsets) {
      const before = load<u32>(at - 4);
      locate(records + before);
      const other = prefixAt(depth);
      if (other < prefix || (other === prefix && !sortsAfter(key, keyBytes, itsKey, itsBytes, depth))) break;
      store<u32>(at, before);
      at -= 4;
    }
    store<u32>(at, offset);
  }
}

/** Whether the first key sorts after the second one. They agree in their first `depth` bytes. */
function sortsAfter(a: usize, aBytes: u32, b: usize, bBytes: u32, depth: u32): bool {
  const common = min(aBytes, bBytes);
  let at = depth;
  for (; at + 8 <= common; at += 8) {
    const x = load<u64>(a + at);
    const y = load<u64>(b + at);
    if (x !== y) return bswap<u64>(x) > bswap<u64>(y);
  }
  for (; at < common; at++) {
    const x = load<u8>(a + at);
    const y = load<u8>(b + at);
    if (x !== y) return x > y;
  }
  return aBytes > bBytes;
}

/**
 * Copies the records of offsets [from, end) to `to`, as the payload of a block: until there are `blockBytes`, or the next record
 * might not fit into `roomBytes`. A key like the one before is left out. RESULTS has how many bytes and records there are.
 */
export function gather(
  records: usize,
  from: usize,
  end: usize,
  to: usize,
  blockBytes: u32,
  roomBytes: u32,
): void {
  const blockEnd = to + blockBytes;
  const roomEnd = to + roomBytes;
  let at = to;
  let offset = from;
  let touchedEnd = from;
  let touched: u32 = 0;
  let lastKey: usize = 0;
  let lastBytes: u32 = u32.MAX_VALUE;
  while (offset < end && at < blockEnd) {
    if (offset >= touchedEnd) {
      touchedEnd = min(end, offset + (TOUCHED_RECORDS << 2));
      for (let next = offset; next < touchedEnd; next += 4) touched += load<u8>(records + load<u32>(next));
      for (let next = offset; next < touchedEnd; next += 4) {
        // Also its middle and its end, if it is short. Calling locate() would take twice as long.
        const record = records + load<u32>(next);
        const lengths = <usize>load<u8>(record) + <usize>load<u8>(record, 1);
        touched += <u32>load<u8>(record + lengths) + <u32>load<u8>(record + (lengths >> 1));
      }
    }
    let source = records + load<u32>(offset);
    locate(source);
    const itsKey = key;
    const itsBytes = keyBytes;
    const itsEnd = recordEnd;
    if (at + (itsEnd - itsKey) + 2 * VARINT_BYTES_MAX > roomEnd) break;
    if (itsBytes === lastBytes && isSame(lastKey, itsKey, itsBytes)) {
      source = itsKey + itsBytes;
      store<u8>(at, 0);
      at = writeVarint(<u32>(itsEnd - source), at + 1);
    }
    at = copyRecord(source, itsEnd, at);
    lastKey = itsKey;
    lastBytes = itsBytes;
    offset += 4;
  }
  store<u32>(RESULTS, <u32>(at - to));
  store<u32>(RESULTS, <u32>((offset - from) >> 2), 4);
  store<u32>(RESULTS, touched, 8);
}

/**
 * Like gather(), but stops before a record whose key the next record has too.
 */
export function gatherSingles(
  records: usize,
  from: usize,
  end: usize,
  to: usize,
  blockBytes: u32,
  roomBytes: u32,
): void {
  const blockEnd = to + blockBytes;
  const roomEnd = to + roomBytes;
  let at = to;
  let offset = from;
  let touchedEnd = from;
  let touched: u32 = 0;
  let source = records + load<u32>(from);
  locate(source);
  while (offset < end && at < blockEnd) {
    if (offset >= touchedEnd) {
      touchedEnd = min(end, offset + (TOUCHED_RECORDS << 2));
      for (let next = offset; next < touchedEnd; next += 4) touched += load<u8>(records + load<u32>(next));
    }
    const itsKey = key;
    const itsBytes = keyBytes;
    const itsEnd = recordEnd;
    let nextSource: usize = 0;
    if (offset + 4 < end) {
      nextSource = records + load<u32>(offset, 4);
      locate(nextSource);
      if (keyBytes === itsBytes && isSame(key, itsKey, itsBytes)) break;
    }
    if (at + (itsEnd - itsKey) + 2 * VARINT_BYTES_MAX > roomEnd) break;
    at = copyRecord(source, itsEnd, at);
    source = nextSource;
    offset += 4;
  }
  store<u32>(RESULTS, <u32>(at - to));
  store<u32>(RESULTS, <u32>((offset - from) >> 2), 4);
  store<u32>(RESULTS, touched, 8);
}

/** Returns the new end. May write 15 bytes more. */
function copyRecord(source: usize, sourceEnd: usize, to: usize): usize {
  const length = sourceEnd - source;
  if (length > LOOP_BYTES_MAX) {
    memory.copy(to, source, length);
  } else {
    let target = to;
    for (let from = source; from < sourceEnd; from += 16, target += 16) v128.store(target, v128.load(from));
  }
  return to + length;
}

/** The value of all words that appendWords() appends. */
const WORD_VALUE: usize = 512;
/** Where the words of a text start and end. */
const BOUNDS: usize = 2048;
const WORDS_MAX: u32 = 1024;
/** Longer keys have longer headers. */
const WORD_BYTES_MAX: u32 = 126;
const HEADER_BYTES: u32 = 2;

/**
 * Appends a record for each word of the text [from, end) at `text` (kernels/words.ts), with the value at WORD_VALUE. Stops before a
 * character that is not ASCII, before a word that is too long, and when the buffer is full.
 *
 * @param used  how many bytes the records at `records` take
 * @param count  how many records there are
 * @param budgetBytes  what the records and their entries, of `entryBytes` each, may take
 * @returns where it stopped. Words of RESULTS: the new `used`, the new `count`, and whether the buffer is full.
 */
export function appendWords(
  text: usize,
  from: u32,
  end: u32,
  keepsCase: bool,
  records: usize,
  used: u32,
  count: u32,
  budgetBytes: u32,
  entryBytes: u32,
  offsets: usize,
  partitions: usize,
  partitionCount: u32,
  valueBytes: u32,
): u32 {
  const value = load<u64>(WORD_VALUE);
  let at = used;
  let record = count;
  let isFull: u32 = 0;
  let position = from;
  while (position < end && isFull === 0) {
    const words = findWords(text, position, end, keepsCase, BOUNDS, WORDS_MAX);
    const next = stoppedAt;
    for (let word: u32 = 0; word < words; word++) {
      const start = load<u32>(BOUNDS + ((<usize>word) << 3));
      const length = load<u32>(BOUNDS + ((<usize>word) << 3), 4) - start;
      const size = HEADER_BYTES + length + valueBytes;
      isFull = <u32>(at + size + (record + 1) * entryBytes > budgetBytes);
      if (isFull !== 0 || length > WORD_BYTES_MAX) {
        store<u32>(RESULTS, at);
        store<u32>(RESULTS, record, 4);
        store<u32>(RESULTS, isFull, 8);
        return start;
      }
      const to = records + at;
      store<u8>(to, length + 1);
      store<u8>(to, valueBytes, 1);
      copyRecord(text + start, text + start + length, to + HEADER_BYTES);
      store<u64>(to + HEADER_BYTES + length, value);
      store<u32>(offsets + ((<usize>record) << 2), at);
      store<u16>(
        partitions + ((<usize>record) << 1),
        partitionCount === 1 ? 0 : partitionOf(text + start, length, partitionCount),
      );
      at += size;
      record++;
    }
    // It stopped before what it cannot read.
    if (words < WORDS_MAX && next < end) {
      position = next;
      break;
    }
    position = next;
  }
  store<u32>(RESULTS, at);
  store<u32>(RESULTS, record, 4);
  store<u32>(RESULTS, 0, 8);
  return position;
}

/** The same as partitionOfHash(hashKey()) of src/map/key-hash.ts. */
function partitionOf(bytes: usize, length: u32, partitionCount: u32): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let at = bytes; at < bytes + length; at++) hash = (hash ^ load<u8>(at)) * 0x01000193;
  hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
  hash ^= hash >>> 16;
  return <u32>((<u64>hash * <u64>partitionCount) >> 32);
}

function isSame(a: usize, b: usize, bytes: u32): bool {
  let at: usize = 0;
  for (; at + 8 <= bytes; at += 8) if (load<u64>(a + at) !== load<u64>(b + at)) return false;
  for (; at < bytes; at++) if (load<u8>(a + at) !== load<u8>(b + at)) return false;
  return true;
}

function writeVarint(value: u32, at: usize): usize {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    store<u8>(end++, rest | 0x80);
    rest >>>= 7;
  }
  store<u8>(end++, rest);
  return end;
}

/** Runs that are merged, RUN_BYTES for each; a tree of losers (src/shuffle/merge.ts), a word for each; the winners, to build it. */
const RUNS: usize = 1024;
const RUN_BYTES: usize = 32;
const TREE: usize = 32 * 1024;
const WINNERS: usize = 48 * 1024;

/** Positions in a run: the first 8 bytes of its key; its current record; the end of its block, 0 after its last block. */
const PREFIX: usize = 0;
const RUN_KEY: usize = 8;
const RUN_KEY_BYTES: usize = 12;
const VALUE: usize = 16;
const RECORD_END: usize = 20;
const BLOCK_END: usize = 24;

/** Why merge() returned. */
const BLOCK_FULL: u32 = 0;
const NEEDS_BLOCK: u32 = 1;
const TOO_LARGE: u32 = 2;
const ENDED: u32 = 3;

let winner: u32 = 0;
let writtenKey: usize = 0;
let writtenKeyBytes: u32 = u32.MAX_VALUE;

/** Points a run to the first record of its next block, or to its end if the block is empty. */
export function openBlock(run: u32, start: usize, end: usize): void {
  const at = RUNS + run * RUN_BYTES;
  if (start === end) {
    store<u64>(at, u64.MAX_VALUE, PREFIX);
    store<u32>(at, 0, BLOCK_END);
    return;
  }
  store<u32>(at, <u32>start, RECORD_END);
  store<u32>(at, <u32>end, BLOCK_END);
  step(at);
}

/** Steps to the next record of the block. Returns whether it has another key. */
function step(run: usize): bool {
  const record = <usize>load<u32>(run, RECORD_END);
  const first = <u32>load<u8>(record);
  const second = <u32>load<u8>(record, 1);
  let start = record + 2;
  let keySize = first;
  let valueBytes = second;
  if ((first | second) >= 0x80) {
    keySize = varint(record);
    valueBytes = varint(varintEnd);
    start = varintEnd;
  }
  if (keySize === 0) {
    store<u32>(run, <u32>start, VALUE);
    store<u32>(run, <u32>start + valueBytes, RECORD_END);
    return false;
  }
  key = start;
  keyBytes = keySize - 1;
  store<u32>(run, <u32>start, RUN_KEY);
  store<u32>(run, keyBytes, RUN_KEY_BYTES);
  store<u32>(run, <u32>start + keyBytes, VALUE);
  store<u32>(run, <u32>start + keyBytes + valueBytes, RECORD_END);
  store<u64>(run, prefixAt(0), PREFIX);
  return true;
}

/** Finds the first winner. Called once, when each run is at its first record. */
export function play(runs: u32): void {
  for (let run: u32 = 0; run < runs; run++) store<u32>(WINNERS + ((<usize>(runs + run)) << 2), run);
  for (let node = runs - 1; node > 0; node--) {
    const left = load<u32>(WINNERS + ((<usize>node) << 3));
    const right = load<u32>(WINNERS + ((<usize>node) << 3), 4);
    const rightWins = isBefore(right, left);
    store<u32>(WINNERS + ((<usize>node) << 2), rightWins ? right : left);
    store<u32>(TREE + ((<usize>node) << 2), rightWins ? left : right);
  }
  winner = runs === 1 ? 0 : load<u32>(WINNERS, 4);
  writtenKeyBytes = u32.MAX_VALUE;
}

/** Plays the matches of the last winner again: it has stepped, or has another block. */
export function replay(runs: u32): void {
  let best = winner;
  for (let node = (best + runs) >> 1; node > 0; node >>= 1) {
    const at = TREE + ((<usize>node) << 2);
    const challenger = load<u32>(at);
    if (isBefore(challenger, best)) {
      store<u32>(at, best);
      best = challenger;
    }
  }
  winner = best;
}

function isBefore(a: u32, b: u32): bool {
  const first = RUNS + <usize>a * RUN_BYTES;
  const second = RUNS + <usize>b * RUN_BYTES;
  const prefix = load<u64>(first, PREFIX);
  const other = load<u64>(second, PREFIX);
  if (prefix !== other) return prefix < other;
  return isBeforeAtTie(first, second);
}

/** The earlier run comes first if the keys are equal. A run that has ended comes last. */
function isBeforeAtTie(a: usize, b: usize): bool {
  if (load<u32>(a, BLOCK_END) === 0) return false;
  if (load<u32>(b, BLOCK_END) === 0) return true;
  const aKey = <usize>load<u32>(a, RUN_KEY);
  const bKey = <usize>load<u32>(b, RUN_KEY);
  const aBytes = load<u32>(a, RUN_KEY_BYTES);
  const bBytes = load<u32>(b, RUN_KEY_BYTES);
  if (aBytes === bBytes && isSame(aKey, bKey, aBytes)) return a < b;
  return !sortsAfter(aKey, aBytes, bKey, bBytes, 0);
}

/**
 * Appends merged records at `at`: as the payload of a block that starts at `to`, or, unless `suffix` is negative, their values with
 * this byte after each. Returns why it stopped; RESULTS has the end and how many records were appended, then the winner.
 *
 *   BLOCK_FULL   there are `blockBytes`, or the current record might not fit into `roomBytes`
 *   NEEDS_BLOCK  the winner has no further record in its block: call openBlock() and replay()
 *   TOO_LARGE    the current record does not even fit into an empty block: RESULTS has where its key, its value and its end are
 *   ENDED        all runs have ended
 */
export function merge(runs: u32, to: usize, at: usize, blockBytes: u32, roomBytes: u32, suffix: i32): u32 {
  if (at === to) writtenKeyBytes = u32.MAX_VALUE;
  const blockEnd = to + blockBytes;
  const roomEnd = to + roomBytes - 2 * VARINT_BYTES_MAX;
  let end = at;
  let records: u32 = 0;
  let status = BLOCK_FULL;
  while (end < blockEnd) {
    const run = RUNS + <usize>winner * RUN_BYTES;
    if (load<u32>(run, BLOCK_END) === 0) {
      status = ENDED;
      break;
    }
    const recordEnd = <usize>load<u32>(run, RECORD_END);
    const start = <usize>load<u32>(run, RUN_KEY);
    const value = <usize>load<u32>(run, VALUE);
    const itsKeyBytes = load<u32>(run, RUN_KEY_BYTES);
    if (end + (recordEnd - value) + itsKeyBytes > roomEnd) {
      if (end === to) status = describeRecord(start, itsKeyBytes, value, recordEnd);
      break;
    }
    if (suffix < 0) end = writeKey(start, itsKeyBytes, <u32>(recordEnd - value), end);
    for (let from = value, target = end; from < recordEnd; from += 16, target += 16) {
      v128.store(target, v128.load(from));
    }
    end += recordEnd - value;
    if (suffix >= 0) store<u8>(end++, <u8>suffix);
    records++;
    if (recordEnd === <usize>load<u32>(run, BLOCK_END)) {
      status = NEEDS_BLOCK;
      break;
    }
    if (step(run)) replay(runs);
  }
  store<u32>(RESULTS, <u32>end);
  store<u32>(RESULTS, records, 4);
  store<u32>(RESULTS, winner, 12);
  return status;
}

/** Steps past the current record. Returns NEEDS_BLOCK if it is the last one of its block. */
export function skip(runs: u32): u32 {
  const run = RUNS + <usize>winner * RUN_BYTES;
  if (load<u32>(run, RECORD_END) === load<u32>(run, BLOCK_END)) return NEEDS_BLOCK;
  if (step(run)) replay(runs);
  return BLOCK_FULL;
}

function describeRecord(start: usize, itsKeyBytes: u32, value: usize, end: usize): u32 {
  store<u32>(RESULTS, <u32>start, 16);
  store<u32>(RESULTS, <u32>start + itsKeyBytes, 20);
  store<u32>(RESULTS, <u32>value, 24);
  store<u32>(RESULTS, <u32>end, 28);
  return TOO_LARGE;
}

/** Writes the lengths of a record, and its key unless it is the one written last. Returns where the value goes. */
function writeKey(start: usize, itsKeyBytes: u32, valueBytes: u32, at: usize): usize {
  if (itsKeyBytes === writtenKeyBytes && isSame(writtenKey, start, itsKeyBytes)) {
    store<u8>(at, 0);
    return writeVarint(valueBytes, at + 1);
  }
  let target = at + 2;
  if (itsKeyBytes < 0x7f && valueBytes < 0x80) {
    store<u8>(at, itsKeyBytes + 1);
    store<u8>(at, valueBytes, 1);
  } else {
    target = writeVarint(valueBytes, writeVarint(itsKeyBytes + 1, at));
  }
  writtenKey = target;
  writtenKeyBytes = itsKeyBytes;
  for (let from = start, to = target; from < start + itsKeyBytes; from += 16, to += 16) {
    v128.store(to, v128.load(from));
  }
  return target + itsKeyBytes;
}

/**
 * The inner loops of the fold table (src/map/fold-table.ts), in AssemblyScript. `npm run build:kernels` compiles them into
 * src/map/fold-kernel-code.ts.
 *
 * src/map/fold-slots.ts describes slots and pending emits. Positions are bytes; src/map/fold-memory.ts has the same ones.
 */
import { findWords, stoppedAt } from './words';

/**
 * Word 0: how many entries fold() added. Word 1: a result that nobody reads, so that the loads of touch() stay. Words 2 and 3:
 * see gatherWords().
 */
const RESULTS: usize = 0;
/** Twelve bytes of ones, then zeros. Read from its byte 12 - n, it is the mask of a key of n bytes. */
const MASK: usize = 512;
const PENDING: usize = 1024;
const PENDING_BYTES: usize = 32;
/** The parts of tuples after the first one, of all pending emits. */
const PENDING_REST: usize = 16 * 1024;
/** The addresses of the slots of all pending emits. */
const ADDRESSES: usize = 56 * 1024;
/** Where words start and end. */
const BOUNDS: usize = 58 * 1024;
/** The entry that replace() moves. */
const MOVED: usize = 48 * 1024;
/** A line of text, and room to read beyond it. */
const TEXT: usize = 64 * 1024;
const SLOTS: usize = 192 * 1024;

/** Positions in a slot, and of all but the partition in a pending emit. */
const KEY: usize = 8;
const SIZE: usize = 20;
const PARTITION: usize = 24;
const HASH: usize = 28;
const REST: usize = 32;
const PENDING_HASH: usize = 24;

/** The key length + 1 of the longest key that lies in its slot. */
const SHORT_SIZE_MAX: u32 = 13;
const PROBES_MAX: u32 = 256;
const GENERATION_BIT: u32 = 1 << 30;

const SUM: u32 = 0;
const MIN: u32 = 1;

let mask: u32 = 0;
let strideBytes: u32 = 32;
let restParts: u32 = 0;
let operation: u32 = SUM;
let generation: u32 = 0;

/** Describes the slots to the other functions. `combine`: 0 sum, 1 min, 2 max. */
export function describe(slots: u32, parts: u32, combine: u32, generationBit: u32): void {
  mask = slots - 1;
  restParts = parts - 1;
  strideBytes = 32 + 8 * restParts;
  operation = combine;
  generation = generationBit;
  v128.store(MASK, i32x4(-1, -1, -1, 0));
  v128.store(MASK, i32x4(0, 0, 0, 0), 16);
}

/**
 * Hashes short keys, and loads a word of the slot of every pending emit, so that fold() finds the slots in the cache. The second
 * loop does nothing else: a processor can then have the misses of some fifty emits under way at once.
 */
export function touch(count: u32, isHashed: bool): void {
  const slotMask = mask;
  const slotBytes = strideBytes;
  const end = PENDING + <usize>count * PENDING_BYTES;
  let to = ADDRESSES;
  for (let at = PENDING; at < end; at += PENDING_BYTES) {
    let hash = load<u32>(at, PENDING_HASH);
    if (!isHashed && load<u32>(at, SIZE) <= SHORT_SIZE_MAX) {
      hash = hashOf(at);
      store<u32>(at, hash, PENDING_HASH);
    }
    store<u32>(to, SLOTS + (hash & slotMask) * slotBytes);
    to += 4;
  }
  let touched0: u32 = 0;
  let touched1: u32 = 0;
  let touched2: u32 = 0;
  let touched3: u32 = 0;
  // Addresses after the last one are those of an earlier call.
  for (let at = ADDRESSES; at < to; at += 16) {
    touched0 += load<u32>(load<u32>(at));
    touched1 += load<u32>(load<u32>(at, 4));
    touched2 += load<u32>(load<u32>(at, 8));
    touched3 += load<u32>(load<u32>(at, 12));
  }
  store<u32>(RESULTS, touched0 + touched1 + touched2 + touched3, 4);
}

/** The same as hashWords() of src/map/fold-table.ts. */
function hashOf(at: usize): u32 {
  let hash: u32 =
    (load<u32>(at, KEY) * 0xcc9e2d51) ^
    (load<u32>(at, KEY + 4) * 0x1b873593) ^
    (load<u32>(at, KEY + 8) * 0x85ebca6b) ^
    load<u32>(at, SIZE);
  hash = (hash ^ (hash >>> 15)) * 0xc2b2ae35;
  return hash ^ (hash >>> 13);
}

/**
 * Folds pending emits [from, count), in order, and adds at most `room` entries.
 *
 * @returns the first emit that it could not fold: its key is long, there is no room for it, or too many keys collide
 */
export function fold(from: u32, count: u32, room: u32): u32 {
  const slotMask = mask;
  const slotBytes = strideBytes;
  const isSum = operation === SUM && restParts === 0;
  const roomAtFirst = room;
  const end = SLOTS + (slotMask + 1) * slotBytes;
  let i = from;
  for (; i < count; i++) {
    const at = PENDING + <usize>i * PENDING_BYTES;
    if (load<u32>(at, SIZE) > SHORT_SIZE_MAX) break;
    const key = v128.load(at, KEY);
    const hash = load<u32>(at, PENDING_HASH);
    let slot: usize = SLOTS + (hash & slotMask) * slotBytes;
    let probes: u32 = 0;
    let isFound = false;
    for (;;) {
      const there = v128.load(slot, KEY);
      if (v128.all_true<i32>(v128.eq<i32>(there, key))) {
        isFound = true;
        break;
      }
      if (v128.extract_lane<u32>(there, 3) === 0) break;
      slot += slotBytes;
      if (slot === end) slot = SLOTS;
      probes++;
    }
    if (isFound) {
      if (isSum) {
        store<f64>(slot, load<f64>(slot) + load<f64>(at));
      } else {
        accumulate(slot, load<f64>(at));
        accumulateRest(slot, i);
      }
      continue;
    }
    if (room === 0 || probes > PROBES_MAX) break;
    room--;
    v128.store(slot, key, KEY);
    store<u32>(slot, generation, PARTITION);
    store<u32>(slot, hash, HASH);
    store<f64>(slot, load<f64>(at));
    if (restParts > 0) memory.copy(slot + REST, PENDING_REST + i * 8 * restParts, 8 * restParts);
  }
  store<u32>(RESULTS, roomAtFirst - room);
  return i;
}

function accumulate(at: usize, value: f64): void {
  const old = load<f64>(at);
  if (operation === SUM) store<f64>(at, old + value);
  else if (operation === MIN) store<f64>(at, min(old, value));
  else store<f64>(at, max(old, value));
}

function accumulateRest(slot: usize, i: u32): void {
  const first = PENDING_REST + i * 8 * restParts;
  for (let part: u32 = 0; part < restParts; part++)
    accumulate(slot + REST + 8 * part, load<f64>(first + 8 * part));
}

/**
 * Puts the entries of slots [0, count) where their hashes want them. An entry that finds an entry of the earlier generation
 * in its slot takes its place, and that one is moved next. describe() must have named the new generation.
 */
export function replace(count: u32): void {
  const moved = MOVED;
  for (let slot = SLOTS; slot < SLOTS + count * strideBytes; slot += strideBytes) {
    if (load<u32>(slot, SIZE) === 0 || isPlaced(slot)) continue;
    memory.copy(moved, slot, strideBytes);
    store<u32>(slot, 0, SIZE);
    let isMoving = true;
    while (isMoving) {
      let to: u32 = load<u32>(moved, HASH) & mask;
      while (load<u32>(SLOTS + to * strideBytes, SIZE) !== 0 && isPlaced(SLOTS + to * strideBytes))
        to = (to + 1) & mask;
      isMoving = load<u32>(SLOTS + to * strideBytes, SIZE) !== 0;
      put(moved, SLOTS + to * strideBytes);
    }
  }
}

function isPlaced(slot: usize): bool {
  return (load<u32>(slot, PARTITION) & GENERATION_BIT) === generation;
}

/** Exchanges the moved entry and the slot. */
function put(moved: usize, slot: usize): void {
  store<u32>(moved, load<u32>(moved, PARTITION) ^ GENERATION_BIT, PARTITION);
  for (let i: usize = 0; i < strideBytes; i += 8) {
    const there = load<u64>(slot + i);
    store<u64>(slot + i, load<u64>(moved + i));
    store<u64>(moved + i, there);
  }
}

const PENDING_MAX: u32 = 256;
const SHORT_KEY_BYTES_MAX: u32 = 12;

/**
 * Gathers the words of the text [from, end) as pending emits of `value` (kernels/words.ts). Stops before a character that is not
 * ASCII, before a long word, and when there are as many pending emits as fit.
 *
 * @param pending  how many emits are pending
 * @returns where it stopped. Word 2 of the results: how many emits are pending. Word 3: the end of the long word that starts
 *          there, otherwise 0.
 */
export function gatherWords(from: u32, end: u32, keepsCase: bool, value: f64, pending: u32): u32 {
  const words = findWords(TEXT, from, end, keepsCase, BOUNDS, PENDING_MAX - pending);
  for (let word: u32 = 0; word < words; word++) {
    const start = load<u32>(BOUNDS + ((<usize>word) << 3));
    const wordEnd = load<u32>(BOUNDS + ((<usize>word) << 3), 4);
    if (wordEnd - start > SHORT_KEY_BYTES_MAX) {
      store<u32>(RESULTS, pending + word, 8);
      store<u32>(RESULTS, wordEnd, 12);
      return start;
    }
    gather(pending + word, start, wordEnd, value);
  }
  store<u32>(RESULTS, pending + words, 8);
  store<u32>(RESULTS, 0, 12);
  return stoppedAt;
}

function gather(count: u32, start: u32, end: u32, value: f64): void {
  const at = PENDING + <usize>count * PENDING_BYTES;
  const length = end - start;
  const bytes = v128.and(v128.load(TEXT + start), v128.load(MASK + SHORT_KEY_BYTES_MAX - length));
  v128.store(at, v128.replace_lane<u32>(bytes, 3, length + 1), KEY);
  store<f64>(at, value);
}

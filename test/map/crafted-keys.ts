/** Makes keys that collide in the fast hashes of src/map, as an attacker who knows the source would. */
const MULTIPLIERS = [0xcc9e2d51, 0x1b873593, 0x85ebca6b] as const;
const ASCII_ONLY = 0x80808080;

/** Makes texts of twelve ASCII characters that have the same hash in fold-table.ts, whose first step is linear. */
export function shortCollidingKeys(count: number): string[] {
  const target = 0x12345678;
  const inverse = inverseOf(MULTIPLIERS[2]);
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const word0 = wordOf(i % 4096);
    const word1 = wordOf(Math.floor(i / 4096));
    const rest = target ^ Math.imul(word0, MULTIPLIERS[0]) ^ Math.imul(word1, MULTIPLIERS[1]);
    const word2 = Math.imul(rest, inverse);
    if ((word2 & ASCII_ONLY) !== 0) continue;
    const bytes = Buffer.alloc(12);
    bytes.writeInt32LE(word0, 0);
    bytes.writeInt32LE(word1, 4);
    bytes.writeInt32LE(word2, 8);
    keys.push(bytes.toString('latin1'));
  }
  return keys;
}

/**
 * Makes texts of 96 ASCII characters that have the same hashKey(). For each block of six characters there are two texts
 * that lead to the same state, so sixteen blocks make 2 ** 16 keys (Joux, "Multicollisions in iterated hash functions",
 * 2004).
 */
export function longCollidingKeys(count: number): string[] {
  let keys = [''];
  let state = 0x811c9dc5 | 0;
  while (keys.length < count) {
    const [first, second] = collidingBlocks(state);
    keys = keys.flatMap((key) => [key + first, key + second]);
    state = fnv1a(state, first);
  }
  return keys.slice(0, count);
}

function collidingBlocks(state: number): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 1; ; i++) {
    const block = (Math.imul(i, 0x9e3779b1) >>> 0).toString(36).padStart(7, '.').slice(1);
    const after = fnv1a(state, block);
    const other = seen.get(after);
    if (other !== undefined && other !== block) return [other, block];
    seen.set(after, block);
  }
}

/** The state before hashKey() applies its finalizer, which is a bijection. */
function fnv1a(state: number, block: string): number {
  let hash = state;
  for (let i = 0; i < block.length; i++) hash = Math.imul(hash ^ block.charCodeAt(i), 0x01000193);
  return hash;
}

/** All texts of two of the 64 characters, twice. */
function wordOf(number: number): number {
  const low = 0x20 + (number % 64);
  const high = 0x20 + (Math.floor(number / 64) % 64);
  return low | (high << 8) | (low << 16) | (high << 24);
}

/** The inverse of an odd number modulo 2 ** 32, by Newton's iteration. */
function inverseOf(odd: number): number {
  let inverse = odd;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}

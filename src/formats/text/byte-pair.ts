/**
 * Finds two bytes that every match of a regular expression holds, at a fixed distance: 'z' and two bytes later 'k' for
 * /z[aeiou]k+/. The kernel looks for such pairs 32 bytes at a time.
 */

/** A byte and the bits that are set before it is compared: 0x20 for a letter in upper or lower case. */
export interface PairByte {
  readonly byte: number;
  readonly bits: number;
}

export interface BytePair {
  readonly first: PairByte;
  readonly second: PairByte;
  /** From the first to the second, 1 to 15 bytes. */
  readonly distance: number;
}

/** A character that must occur; undefined for one of several, which all are one byte long. */
type Atom = PairByte | undefined;

const DISTANCE_MAX = 15;
/** The most frequent in English text first. */
const FREQUENT = ' etaoinsrhldcumfpgwybvkxjqz';
/** What may stand for itself in a pattern. */
const PLAIN = /^[\w !"#%&',\-/:;<=>@`~]$/;
/** Characters that other ones may match, with the flags i and u: U+212A and U+017F. */
const WIDE_LETTERS = /[ks]/i;

/** Undefined if the pattern has none, or if that is not clear. */
export function bytePair({ source, flags }: RegExp): BytePair | undefined {
  // With v, a class may hold other classes.
  const runs = flags.includes('v') ? undefined : runsOf(source, flags);
  let best: BytePair | undefined;
  let bestRarity = 0;
  for (const run of runs ?? []) {
    for (let i = 0; i < run.length; i++) {
      for (let k = i + 1; k < run.length && k - i <= DISTANCE_MAX; k++) {
        const [first, second] = [run[i], run[k]];
        if (first === undefined || second === undefined) continue;
        const rarity = rarityOf(first) + rarityOf(second);
        if (rarity <= bestRarity) continue;
        best = { first, second, distance: k - i };
        bestRarity = rarity;
      }
    }
  }
  return best;
}

function rarityOf({ byte, bits }: PairByte): number {
  const rank = FREQUENT.indexOf(String.fromCharCode(byte | bits).toLowerCase());
  return rank === -1 ? FREQUENT.length / 2 : rank + 1;
}

/** Sequences of characters that follow each other in every match. Undefined if the pattern is not understood. */
function runsOf(source: string, flags: string): Atom[][] | undefined {
  let run: Atom[] = [];
  const runs = [run];
  const endRun = () => {
    run = [];
    runs.push(run);
  };
  for (let at = 0; at < source.length; ) {
    const token = tokenAt(source, at, flags);
    if (token === undefined) return undefined;
    at = token.end;
    if (token.kind === 'assertion') continue;
    const quantifier = /^(?:[*+?]|\{[^}]*\}?)\??/.exec(source.slice(at))?.[0] ?? '';
    at += quantifier.length;
    const isThere = token.kind === 'atom' && (quantifier === '' || quantifier.startsWith('+'));
    if (isThere) run.push(token.atom);
    if (!isThere || quantifier !== '') endRun();
  }
  return runs;
}

type Token =
  | { readonly kind: 'atom'; readonly atom: Atom; readonly end: number }
  /** 'other': something whose length or characters are not known. */
  | { readonly kind: 'assertion' | 'other'; readonly end: number };

function tokenAt(source: string, at: number, flags: string): Token | undefined {
  const character = source[at]!;
  if (character === '^' || character === '$') return { kind: 'assertion', end: at + 1 };
  if (character === '.') return { kind: 'other', end: at + 1 };
  if (character === '\\') return escapeAt(source, at, flags);
  if (character === '[') return classAt(source, at, flags);
  if (character === '(') {
    const end = groupEnd(source, at);
    return end === -1 ? undefined : { kind: 'other', end };
  }
  // An alternative, or what other flags or engines may read otherwise.
  return PLAIN.test(character) ? literal(character, at + 1, flags) : undefined;
}

function literal(character: string, end: number, flags: string): Token {
  const isAnyCase = flags.includes('i') && /[a-z]/i.test(character);
  if (isAnyCase && flags.includes('u') && WIDE_LETTERS.test(character)) return { kind: 'other', end };
  const code = character.charCodeAt(0);
  return { kind: 'atom', atom: isAnyCase ? { byte: code | 0x20, bits: 0x20 } : { byte: code, bits: 0 }, end };
}

function escapeAt(source: string, at: number, flags: string): Token | undefined {
  const escaped = source[at + 1] ?? '';
  const end = at + 2;
  if (escaped === 'b' || escaped === 'B') return { kind: 'assertion', end };
  if (escaped === 'd') return { kind: 'atom', atom: undefined, end };
  if (escaped === 'w')
    return flags.includes('i') ? { kind: 'other', end } : { kind: 'atom', atom: undefined, end };
  if ('tvf'.includes(escaped) && escaped !== '') return { kind: 'other', end };
  return /^[!-/:-@[-`{-~]$/.test(escaped) ? literal(escaped, end, flags) : undefined;
}

/** Only sets of ASCII: other characters have more bytes. */
function classAt(source: string, at: number, flags: string): Token | undefined {
  let end = at + 1;
  while (end < source.length && source[end] !== ']') end += source[end] === '\\' ? 2 : 1;
  if (end >= source.length) return undefined;
  const inside = source.slice(at + 1, end);
  end += 1;
  const isAscii = inside !== '' && /^[ -~]+$/.test(inside) && !/[\\^[]/.test(inside);
  if (!isAscii) return { kind: 'other', end };
  // A range may hold the letters that other characters match.
  const mayBeWide = flags.includes('i') && flags.includes('u') && /[ks]|-/i.test(inside);
  return mayBeWide ? { kind: 'other', end } : { kind: 'atom', atom: undefined, end };
}

/** After the parenthesis that closes the group at `at`; -1 if there is none. */
function groupEnd(source: string, at: number): number {
  let depth = 0;
  let isInClass = false;
  for (let i = at; i < source.length; i++) {
    const character = source[i]!;
    if (character === '\\') i++;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return i + 1;
  }
  return -1;
}

/**
 * JSON.parse with correct property names.
 *
 * V8 (Node 24.3 to 26.10 at least) expects an object to have the same names as the object parsed before it, and compares
 * the expected name with the raw text, over the length that the name has after its escapes are resolved. So after
 * `{"a":0,"\\":1}` it mistakes the name in `{"a":0,"\n":1}` for a backslash: one character, and the raw text starts with
 * it. Only a name written with an escape can be mistaken. Text without such names goes to JSON.parse unchanged; in other
 * text, those names are first rewritten without escapes.
 *
 * Decision 12 describes how this was found, and what it costs.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses JSON text. Use it instead of JSON.parse wherever property names are data: V8 (Node 24 to 26) gets some of them
 * wrong. Like JSON.parse, it makes `__proto__` an own property.
 *
 * @example
 * map(line, { emit }) {
 *   const { user } = parseJson(line) as { user: string };
 *   emit(user, 1);
 * }
 * @throws SyntaxError for text that is not JSON
 */
export function parseJson(text: string): unknown {
  return parseWith(text, undefined);
}

/**
 * The same, but an integer beyond 2^53 becomes a bigint instead of a rounded number.
 *
 * @throws SyntaxError for text that is not JSON
 */
export function parseJsonExactly(text: string): unknown {
  return parseWith(text, LONG_INTEGER.test(text) ? exactInteger : undefined);
}

/** No shorter integer is beyond 2^53. Strings may match too, which only takes time. */
const LONG_INTEGER = /\d{16}/;
const INTEGER = /^-?\d+$/;

type Reviver = (name: string, value: unknown, context?: { readonly source?: string }) => unknown;

const exactInteger: Reviver = (_name, value, { source = '' } = {}) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && INTEGER.test(source) ? BigInt(source) : value;

function parseWith(text: string, reviver: Reviver | undefined): unknown {
  const first = nextEscapedName(text, 0);
  return first === undefined ? JSON.parse(text, reviver) : parseEscapedNames(text, first, reviver);
}

/**
 * The same for text that is known to have no backslash. It is for callers that look for backslashes in many texts at once.
 *
 * @throws SyntaxError for text that is not JSON
 */
export function parseUnescapedJson(text: string): unknown {
  return JSON.parse(text);
}

/** A string in the text, quotes included. Half-open: [start, end). */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the next property name that is written with an escape. Exact for JSON; for other text the result is arbitrary. It
 * looks only at strings with a backslash, since JSON has no backslash outside of strings.
 *
 * @param from  must not be inside a string
 */
function nextEscapedName(text: string, from: number): Range | undefined {
  let backslash = text.indexOf('\\', from);
  while (backslash !== -1) {
    const quote = closingQuote(text, backslash + 2);
    if (quote === -1) return undefined;
    // There is no quote between the opening quote and the first escape.
    if (isBeforeColon(text, quote + 1)) return { start: text.lastIndexOf('"', backslash), end: quote + 1 };
    backslash = text.indexOf('\\', quote + 1);
  }
  return undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON must escape them.
const NEEDS_ESCAPE = /["\\\u0000-\u001f]/g;

function parseEscapedNames(text: string, first: Range, reviver: Reviver | undefined): unknown {
  // Throws for text that is not JSON: what follows is exact for JSON only.
  JSON.parse(text);
  const mark = unusedMark(text);
  let hasMarks = false;
  let rewritten = '';
  let copied = 0;
  for (let range: Range | undefined = first; range !== undefined; range = nextEscapedName(text, range.end)) {
    // V8 parses a string by itself correctly, and the quotes make it a string.
    const name = JSON.parse(text.slice(range.start, range.end)) as string;
    const plain = name.replace(NEEDS_ESCAPE, (character) => {
      hasMarks = true;
      return `${mark.text}${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
    });
    rewritten += `${text.slice(copied, range.start)}"${plain}"`;
    copied = range.end;
  }
  const value: unknown = JSON.parse(rewritten + text.slice(copied), reviver);
  return hasMarks ? withoutMarks(value, mark) : value;
}

/**
 * The mark and two hexadecimal digits stand for a character that a name cannot hold without an escape. It is random for
 * each process, so no text can be crafted to hold it. It is kept, since V8 is slow on names that it has never seen.
 */
let lastMark: { readonly text: string; readonly pattern: RegExp } | undefined;

function unusedMark(text: string): { readonly text: string; readonly pattern: RegExp } {
  while (lastMark === undefined || text.includes(lastMark.text)) {
    // Most processes need no mark, and loading node:crypto takes 5 ms.
    const { randomBytes } = process.getBuiltinModule('node:crypto');
    const mark = `\ue000${randomBytes(8).toString('hex')}`;
    lastMark = { text: mark, pattern: new RegExp(`${mark}(..)`, 'g') };
  }
  return lastMark;
}

type Container = unknown[] | Record<string, unknown>;

/** Uses a list of pending containers instead of recursion, since JSON.parse accepts any depth. */
function withoutMarks(root: unknown, mark: NonNullable<typeof lastMark>): unknown {
  const renamed = (value: unknown): unknown => {
    if (
      !isContainer(value) ||
      Array.isArray(value) ||
      !Object.keys(value).some((name) => name.includes(mark.text))
    ) {
      return value;
    }
    // Not by assignment: an entry named __proto__ would set the prototype.
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => [
        name.replace(mark.pattern, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
        entry,
      ]),
    );
  };
  const top = renamed(root);
  const pending = isContainer(top) ? [top] : [];
  for (let container = pending.pop(); container !== undefined; container = pending.pop()) {
    for (const [name, entry] of Object.entries(container)) {
      const value = renamed(entry);
      // Every name is an own property here, __proto__ too, so Reflect.set() sets the entry.
      if (value !== entry) Reflect.set(container, name, value);
      if (isContainer(value)) pending.push(value);
    }
  }
  return top;
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/**
 * Returns the index of the quote that closes a string; -1 if there is none.
 *
 * @param from  inside the string, not after a backslash that escapes the character there
 */
export function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return -1;
}

/** Whether a colon follows, so that the string that ends at `from` is a property name. */
export function isBeforeColon(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  return text[at] === ':';
}

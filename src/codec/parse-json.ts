/**
 * JSON.parse with the right property names.
 *
 * V8 (Node 24.3 to 26.10 at least) expects the next name of an object to be that of the object it parsed before, and
 * compares the expected name with the raw text, over the length that the name has once its escapes are resolved. So
 * after `{"a":0,"\\":1}` it takes the name in `{"a":0,"\n":1}` for a backslash: one character, and the raw text starts
 * with it. Only a name that is written with an escape can be mistaken, so text without such names goes to JSON.parse as
 * it is, and in other text those names are first written without escapes.
 *
 * Decision 12 tells how this was found, and what it costs.
 */
import { randomBytes } from 'node:crypto';

/**
 * Parses JSON text. Use it instead of JSON.parse wherever the property names are data: V8 gets some of them wrong.
 * Like JSON.parse it makes an own property of `__proto__`.
 *
 * @example
 * map(line, { emit }) {
 *   const { user } = parseJson(line) as { user: string };
 *   emit(user, 1);
 * }
 * @throws SyntaxError for text that is not JSON
 */
export function parseJson(text: string): unknown {
  const first = nextEscapedName(text, 0);
  return first === undefined ? JSON.parse(text) : parseEscapedNames(text, first);
}

/** A string in the text, quotes included: [start, end). */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The next property name that is written with an escape. Exact for JSON; in other text it may be anything. Looks only at
 * strings with a backslash, since JSON has none outside of strings.
 *
 * @param from  not inside a string
 */
function nextEscapedName(text: string, from: number): Range | undefined {
  let backslash = text.indexOf('\\', from);
  while (backslash !== -1) {
    const quote = closingQuote(text, backslash);
    if (quote === -1) return undefined;
    // No quote can stand between the opening one and the first escape.
    if (isBeforeColon(text, quote + 1)) return { start: text.lastIndexOf('"', backslash), end: quote + 1 };
    backslash = text.indexOf('\\', quote + 1);
  }
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @param backslash  the first of the string */
function closingQuote(text: string, backslash: number): number {
  for (let at = backslash + 2; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return -1;
}

function isBeforeColon(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text[at])) at++;
  return text[at] === ':';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has to escape them.
const NEEDS_ESCAPE = /["\\\u0000-\u001f]/g;

function parseEscapedNames(text: string, first: Range): unknown {
  // Throws for text that is not JSON: names are looked for, and rewritten, in JSON only.
  JSON.parse(text);
  const mark = unusedMark(text);
  let hasMarks = false;
  let rewritten = '';
  let copied = 0;
  for (let range: Range | undefined = first; range !== undefined; range = nextEscapedName(text, range.end)) {
    // A string by itself is parsed right.
    const name = JSON.parse(text.slice(range.start, range.end)) as string;
    const plain = name.replace(NEEDS_ESCAPE, (character) => {
      hasMarks = true;
      return `${mark.text}${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
    });
    rewritten += `${text.slice(copied, range.start)}"${plain}"`;
    copied = range.end;
  }
  const value: unknown = JSON.parse(rewritten + text.slice(copied));
  return hasMarks ? withoutMarks(value, mark) : value;
}

/**
 * Stands, with two hexadecimal digits behind it, for a character that a name cannot hold without an escape. Random, and the
 * process's own, so that no text can be made to hold it; kept, since V8 is slow on names that it has never seen.
 */
let lastMark: { readonly text: string; readonly pattern: RegExp } | undefined;

function unusedMark(text: string): { readonly text: string; readonly pattern: RegExp } {
  while (lastMark === undefined || text.includes(lastMark.text)) {
    const mark = `\ue000${randomBytes(8).toString('hex')}`;
    lastMark = { text: mark, pattern: new RegExp(`${mark}(..)`, 'g') };
  }
  return lastMark;
}

type Container = unknown[] | Record<string, unknown>;

/** With a list of what is still to be done instead of recursion: JSON.parse takes any depth. */
function withoutMarks(root: unknown, mark: NonNullable<typeof lastMark>): unknown {
  const renamed = (value: unknown): unknown => {
    if (
      !isContainer(value) ||
      Array.isArray(value) ||
      !Object.keys(value).some((name) => name.includes(mark.text))
    ) {
      return value;
    }
    // Not by assignment, which would take an entry named __proto__ for the prototype.
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
      // Every name is an own property by now, __proto__ too.
      if (value !== entry) (container as Record<string, unknown>)[name] = value;
      if (isContainer(value)) pending.push(value);
    }
  }
  return top;
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

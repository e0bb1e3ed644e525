import { typeName } from '../base/show-value.ts';
import { unencodable } from './unencodable.ts';

/**
 * What JSON can hold, and nothing that would be dropped or changed in silence: undefined, functions, NaN, Date, Map,
 * instances of classes, symbols as names, and what has a toJSON() are refused, with the path to the culprit.
 *
 * Entries of arrays by index and enumerable properties of objects are data; others (`index` of a regular expression's
 * match, say) are not, as in JSON.stringify.
 *
 * @returns whether there is a -0 in it: JSON has one, but JSON.stringify writes it as 0
 */
export function checkJson(value: unknown, codec: string): boolean {
  const found = kindOf(value, ANY_TEXT, 0);
  if (found === NO_JSON) throw explain(value, ANY_TEXT, codec);
  return found === WITH_NEGATIVE_ZERO;
}

/** The same for what becomes UTF-8 rather than JSON text, which can escape lone surrogates. */
export function checkJsonKey(value: unknown, codec: string): void {
  if (kindOf(value, WELL_FORMED_TEXT, 0) === NO_JSON) throw explain(value, WELL_FORMED_TEXT, codec);
}

/** A value nested deeper than this is taken for a cycle. */
const JSON_DEPTH_MAX = 1_000;

/** Kinds of values, as bits: what an array or object is, is the sum of what is in it. */
const NO_JSON = 0b00;
const JSON_AS_IT_IS = 0b01;
const WITH_NEGATIVE_ZERO = 0b11;

/** Which text is allowed. */
type TextRule = typeof ANY_TEXT | typeof WELL_FORMED_TEXT;
const ANY_TEXT = 0;
const WELL_FORMED_TEXT = 1;

function kindOf(value: unknown, rule: TextRule, depth: number): number {
  switch (typeof value) {
    case 'string':
      return rule === ANY_TEXT || value.isWellFormed() ? JSON_AS_IT_IS : NO_JSON;
    case 'boolean':
      return JSON_AS_IT_IS;
    case 'number':
      if (value === 0) return 1 / value > 0 ? JSON_AS_IT_IS : WITH_NEGATIVE_ZERO;
      return Number.isFinite(value) ? JSON_AS_IT_IS : NO_JSON;
    case 'object':
      break;
    default:
      return NO_JSON;
  }
  if (value === null) return JSON_AS_IT_IS;
  if (depth === JSON_DEPTH_MAX || hasToJson(value)) return NO_JSON;
  let kinds = JSON_AS_IT_IS;
  if (Array.isArray(value)) {
    // By index: a hole reads as undefined and is refused, where every() would step over it.
    for (let i = 0; i < value.length; i++) {
      const kind = kindOf(value[i], rule, depth + 1);
      if (kind === NO_JSON) return NO_JSON;
      kinds |= kind;
    }
    return kinds;
  }
  if (!isPlain(value) || hasSymbols(value)) return NO_JSON;
  for (const name of Object.keys(value)) {
    if (rule === WELL_FORMED_TEXT && !name.isWellFormed()) return NO_JSON;
    const kind = kindOf((value as JsonObject)[name], rule, depth + 1);
    if (kind === NO_JSON) return NO_JSON;
    kinds |= kind;
  }
  return kinds;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Inherited or its own: JSON.stringify would write what it answers. */
function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** Made by `{}` (of whichever realm), JSON.parse or Object.create(null). */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isObjectPrototype(prototype as object);
}

/** Of another realm, such as node:vm's: nothing above it, and what only Object.prototype has. */
function isObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length > 0 && symbols.some((symbol) => isEnumerable(value, symbol));
}

function isEnumerable(value: object, name: PropertyKey): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, name);
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly ancestors: readonly unknown[];
}

/** The slow way round, for a value that is known to be no JSON: finds the first culprit and says what is wrong. */
function explain(root: unknown, rule: TextRule, codec: string): Error {
  const culprit = findCulprit({ value: root, path: '$', ancestors: [] }, rule);
  const { value, path, ancestors } = culprit ?? { value: root, path: '$', ancestors: [] };
  const text = rule === WELL_FORMED_TEXT ? 'strings without lone surrogates' : 'strings';
  const allowed = `null, booleans, finite numbers, ${text}, and arrays and plain objects of these`;
  if (ancestors.includes(value)) {
    return unencodable({
      codec,
      value,
      shown: 'a cycle',
      path,
      allowed: `${allowed}, without cycles`,
      remedy: 'Emit an id or a copy in place of the reference.',
    });
  }
  if (ancestors.length === JSON_DEPTH_MAX) {
    return unencodable({
      codec,
      value: root,
      shown: 'a deeply nested value',
      allowed: `${allowed}, at most ${JSON_DEPTH_MAX} deep`,
      remedy: 'Nest it less deeply.',
    });
  }
  return unencodable({ codec, value, path, allowed, remedy: remedyFor(value) });
}

function findCulprit(place: Place, rule: TextRule): Place | undefined {
  const { value, path, ancestors } = place;
  if (value === null || typeof value !== 'object') {
    return kindOf(value, rule, 0) === NO_JSON ? place : undefined;
  }
  if (ancestors.includes(value) || ancestors.length === JSON_DEPTH_MAX || hasToJson(value)) return place;
  const inside = [...ancestors, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findCulprit({ value: value[i], path: `${path}[${i}]`, ancestors: inside }, rule);
      if (found) return found;
    }
    return undefined;
  }
  if (!isPlain(value)) return place;
  const symbol = Object.getOwnPropertySymbols(value).find((name) => isEnumerable(value, name));
  if (symbol !== undefined) return { value: symbol, path: `${path}, as a name`, ancestors: inside };
  for (const name of Object.keys(value)) {
    if (rule === WELL_FORMED_TEXT && !name.isWellFormed()) {
      return { value: name, path: `${path}, as a name`, ancestors: inside };
    }
    const step = /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
    const found = findCulprit(
      { value: (value as JsonObject)[name], path: path + step, ancestors: inside },
      rule,
    );
    if (found) return found;
  }
  return undefined;
}

function remedyFor(value: unknown): string {
  if (value === undefined) return 'Leave the property out, or use null.';
  if (typeof value === 'bigint') return 'Pass Number(value), or String(value) where it is too large.';
  if (typeof value === 'number') return 'Use null for a missing number, or a string.';
  if (typeof value === 'string') return 'Pass value.toWellFormed(), or cut text between characters.';
  if (value instanceof Date) return 'Pass value.toISOString().';
  if (value instanceof Map) return 'Pass Object.fromEntries(value) or [...value].';
  if (value instanceof Set) return 'Pass [...value].';
  if (ArrayBuffer.isView(value)) return "Declare the type as 'bytes', or pass Array.from(value).";
  if (value !== null && typeof value === 'object') {
    if (hasToJson(value)) return 'It has a toJSON(): pass what that answers, if it is what is meant.';
    return `Pass a plain object made from the ${typeName(value)}.`;
  }
  if (typeof value === 'symbol') return 'Use a string in its place, or leave it out.';
  return 'Emit data only.';
}

import { typeName } from '../base/show-value.ts';
import { unencodable } from './unencodable.ts';

/**
 * Refuses what JSON would silently drop or change: undefined, functions, NaN, Date, Map, instances of classes, symbols as
 * names, and values with a toJSON(). The message names the path to the value.
 *
 * As in JSON.stringify, only the indexed entries of arrays and the enumerable properties of objects count as data; others,
 * such as `index` of a regular expression's match, do not.
 *
 * @returns whether the value holds a -0, which JSON has, but JSON.stringify writes as 0
 * @throws UnencodableValueError
 */
export function checkJson(value: unknown, codec: string): boolean {
  const found = kindOf(value, ANY_TEXT, 0);
  if (found === NO_JSON) throw explain(value, ANY_TEXT, codec);
  return found === WITH_NEGATIVE_ZERO;
}

/** The same for keys, which become UTF-8: unlike JSON text, it cannot escape lone surrogates, so they are refused too. */
export function checkJsonKey(value: unknown, codec: string): void {
  if (kindOf(value, WELL_FORMED_TEXT, 0) === NO_JSON) throw explain(value, WELL_FORMED_TEXT, codec);
}

/** A value nested more deeply than this is treated as a cycle. */
const JSON_DEPTH_MAX = 1_000;

/** Kinds of values, as bits: the kind of an array or object is the OR of the kinds in it. */
const NO_JSON = 0b00;
const JSON_AS_IT_IS = 0b01;
const WITH_NEGATIVE_ZERO = 0b11;

/** Which strings are allowed. */
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
    // By index: a hole reads as undefined and is refused, while every() would skip it.
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

// The casts to it read properties of user values in a hot loop: a property access is faster than Reflect.get().
type JsonObject = Readonly<Record<string, unknown>>;

/** Inherited or own: JSON.stringify would write what toJSON() returns instead of the value. */
function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** Whether the object was made by `{}` (of any realm), JSON.parse or Object.create(null). */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isObjectPrototype(prototype);
}

/** The Object.prototype of another realm, such as node:vm's: it inherits nothing, and has what only Object.prototype has. */
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

/** For a value that is known not to be JSON: finds the first offending value, slowly, and explains what is wrong with it. */
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
      remedy: 'Emit an id or a copy instead of the reference.',
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
  if (value === undefined) return 'Omit the property, or use null.';
  if (typeof value === 'bigint') return 'Emit Number(value), or String(value) if it is too large.';
  if (typeof value === 'number') return 'Use null for a missing number, or a string.';
  if (typeof value === 'string') return 'Emit value.toWellFormed(), or cut text between characters.';
  if (value instanceof Date) return 'Emit value.toISOString().';
  if (value instanceof Map) return 'Emit Object.fromEntries(value) or [...value].';
  if (value instanceof Set) return 'Emit [...value].';
  if (ArrayBuffer.isView(value)) return "Declare the type as 'bytes', or emit Array.from(value).";
  if (value !== null && typeof value === 'object') {
    if (hasToJson(value)) return 'It has a toJSON(): emit what toJSON() returns, if that is what you mean.';
    return `Emit a plain object made from the ${typeName(value)}.`;
  }
  if (typeof value === 'symbol') return 'Use a string instead, or omit it.';
  return 'Emit data only.';
}

/** Converts the value to JSON text from which JSON.parse makes the same value, -0 included. Throws UnencodableValueError. */
export function jsonText(value: unknown, codec: string): string {
  const hasNegativeZero = checkJson(value, codec);
  return hasNegativeZero ? textWithNegativeZeros(value) : JSON.stringify(value);
}

/** The value must have passed checkJson(). */
function textWithNegativeZeros(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textWithNegativeZeros).join(',')}]`;
  const entries = Object.entries(value).map(
    ([name, entry]) => `${JSON.stringify(name)}:${textWithNegativeZeros(entry)}`,
  );
  return `{${entries.join(',')}}`;
}

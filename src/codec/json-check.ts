import { typeName, unencodable } from './unencodable.ts';

/**
 * What JSON can hold, and nothing that JSON.stringify would drop or change in silence: undefined, functions, NaN,
 * Date, Map and instances of classes are refused, with the path to the culprit.
 */
export function checkJson(value: unknown, codec: string): void {
  if (!isJson(value, 0)) throw explain(value, codec);
}

/** A value nested deeper than this is taken for a cycle. */
const JSON_DEPTH_MAX = 1_000;

function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === JSON_DEPTH_MAX) return false;
  if (Array.isArray(value)) {
    // By index: a hole reads as undefined and is refused, where every() would step over it.
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth + 1)) return false;
    return true;
  }
  if (!isPlain(value)) return false;
  for (const key of Object.keys(value)) if (!isJson((value as JsonObject)[key], depth + 1)) return false;
  return true;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Made by `{}` (of whichever realm), JSON.parse or Object.create(null). */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly ancestors: readonly unknown[];
}

/** The slow way round, for a value that is known to be no JSON: finds the first culprit and says what is wrong. */
function explain(root: unknown, codec: string): Error {
  const culprit = findCulprit({ value: root, path: '$', ancestors: [] });
  const { value, path, ancestors } = culprit ?? { value: root, path: '$', ancestors: [] };
  const allowed = 'null, booleans, finite numbers, strings, and arrays and plain objects of these';
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

function findCulprit(place: Place): Place | undefined {
  const { value, path, ancestors } = place;
  if (value === null || typeof value !== 'object') return isJson(value, 0) ? undefined : place;
  if (ancestors.includes(value) || ancestors.length === JSON_DEPTH_MAX) return place;
  const inside = [...ancestors, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findCulprit({ value: value[i], path: `${path}[${i}]`, ancestors: inside });
      if (found) return found;
    }
    return undefined;
  }
  if (!isPlain(value)) return place;
  for (const key of Object.keys(value)) {
    const step = /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    const found = findCulprit({ value: (value as JsonObject)[key], path: path + step, ancestors: inside });
    if (found) return found;
  }
  return undefined;
}

function remedyFor(value: unknown): string {
  if (value === undefined) return 'Leave the property out, or use null.';
  if (typeof value === 'bigint') return 'Pass Number(value), or String(value) where it is too large.';
  if (typeof value === 'number') return 'Use null for a missing number, or a string.';
  if (value instanceof Date) return 'Pass value.toISOString().';
  if (value instanceof Map) return 'Pass Object.fromEntries(value) or [...value].';
  if (value instanceof Set) return 'Pass [...value].';
  if (ArrayBuffer.isView(value)) return "Declare the type as 'bytes', or pass Array.from(value).";
  if (value !== null && typeof value === 'object')
    return `Pass a plain object made from the ${typeName(value)}.`;
  return 'Emit data only.';
}

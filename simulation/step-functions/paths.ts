/** Reference paths such as `$.a.b[0]` and `$$.Execution.Id`. Filters, wildcards and slices are refused. */
import { UnsupportedDefinitionError } from './errors.ts';
import { isObject, type Json } from './json.ts';

export interface ParsedPath {
  /** `$$` selects from the context object. */
  readonly isContext: boolean;
  readonly steps: readonly (string | number)[];
}

const parsed = new Map<string, ParsedPath>();

/** @throws UnsupportedDefinitionError */
export function parsePath(text: string): ParsedPath {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const match = /^(\$\$?)((?:\.[A-Za-z_][\w-]*|\[\d+\]|\['[^']+'\])*)$/.exec(text);
  if (match === null) {
    throw new UnsupportedDefinitionError(
      `the path ${JSON.stringify(text)} is not supported; use $.name, $.name[0], $['name'] or the same after $$`,
    );
  }
  const steps = [...match[2]!.matchAll(/\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']+)'\]/g)].map(
    ([, name, index, quoted]) => name ?? quoted ?? Number(index),
  );
  const path = { isContext: match[1] === '$$', steps };
  parsed.set(text, path);
  return path;
}

/** Returns undefined if the value is absent. */
export function valueAt(
  path: ParsedPath,
  { input, context }: { input: Json; context: Json },
): Json | undefined {
  let value: Json | undefined = path.isContext ? context : input;
  for (const step of path.steps) {
    if (typeof step === 'number') value = Array.isArray(value) ? (value as readonly Json[])[step] : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** Returns the input with the value at the path; objects on the way are created. */
export function withValueAt(text: string, input: Json, value: Json): Json {
  const { isContext, steps } = parsePath(text);
  if (isContext || steps.some((step) => typeof step === 'number')) {
    throw new UnsupportedDefinitionError(`the ResultPath ${text} is not supported; use $.name`);
  }
  return put(input, steps as readonly string[], value);
}

function put(into: Json, [first, ...rest]: readonly string[], value: Json): Json {
  if (first === undefined) return value;
  const object = isObject(into) ? into : {};
  return { ...object, [first]: put(object[first] ?? {}, rest, value) };
}

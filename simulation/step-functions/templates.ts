/** Fills templates: a name that ends in `.$` takes its value from a path or an intrinsic function. */
import { StateError, UnsupportedDefinitionError } from './errors.ts';
import { isObject, type Json } from './json.ts';
import { parsePath, valueAt } from './paths.ts';

export interface Scope {
  readonly input: Json;
  readonly context: Json;
}

/** @throws StateError States.ParameterPathFailure if a path selects nothing */
export function filled(template: Json, scope: Scope): Json {
  if (Array.isArray(template)) return (template as readonly Json[]).map((value) => filled(value, scope));
  if (!isObject(template)) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]): [string, Json] =>
      name.endsWith('.$')
        ? [name.slice(0, -2), evaluated(value as string, scope)]
        : [name, filled(value, scope)],
    ),
  );
}

/** Checks every path and function of a template. @throws UnsupportedDefinitionError */
export function checkTemplate(template: Json): void {
  if (Array.isArray(template)) (template as readonly Json[]).forEach(checkTemplate);
  else if (isObject(template)) {
    for (const [name, value] of Object.entries(template)) {
      if (!name.endsWith('.$')) checkTemplate(value);
      else if (typeof value !== 'string') {
        throw new UnsupportedDefinitionError(
          `${name} must be a path or a function; received ${JSON.stringify(value)}`,
        );
      } else if (value.startsWith('States.')) parseCall(value);
      else parsePath(value);
    }
  }
}

function evaluated(expression: string, scope: Scope): Json {
  if (expression.startsWith('States.')) return called(parseCall(expression), scope);
  return required(expression, scope, 'States.ParameterPathFailure');
}

/** @throws StateError with the given name if the path selects nothing */
export function required(path: string, scope: Scope, error: string): Json {
  const value = valueAt(parsePath(path), scope);
  if (value !== undefined) return value;
  throw new StateError(
    error,
    `The JSONPath '${path}' could not be found in the input '${JSON.stringify(scope.input)}'`,
  );
}

interface Call {
  readonly name: 'States.MathAdd';
  readonly args: readonly [string, string];
}

/** `States.MathAdd($.deaths, 1)`: the only intrinsic function that the machines use. */
function parseCall(expression: string): Call {
  const match = /^(States\.MathAdd)\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)$/.exec(expression);
  if (match === null) {
    throw new UnsupportedDefinitionError(
      `the function ${expression} is not supported; only States.MathAdd(a, b) is`,
    );
  }
  const args = [match[2]!, match[3]!] as const;
  for (const arg of args) if (arg.startsWith('$')) parsePath(arg);
  return { name: 'States.MathAdd', args };
}

function called({ args }: Call, scope: Scope): number {
  const [left, right] = args.map((arg) =>
    arg.startsWith('$') ? required(arg, scope, 'States.IntrinsicFailure') : Number(arg),
  );
  if (Number.isInteger(left) && Number.isInteger(right)) return Number(left) + Number(right);
  throw new StateError(
    'States.IntrinsicFailure',
    `States.MathAdd needs two integers; received ${left} and ${right}`,
  );
}

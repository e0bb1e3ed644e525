/**
 * A schema for records whose names are data: parameters, counters. Valibot's own record() drops entries named
 * `constructor`, `prototype` and `__proto__`; this one treats every name alike.
 */
import * as v from 'valibot';
import { shortened } from './show-value.ts';

/**
 * @param is  whether the value of an entry is allowed
 * @param allowed  for the message: "a text, a number or true or false"
 */
export function namedValues<T>(is: (value: unknown) => value is T, allowed: string) {
  return v.pipe(
    v.custom<Readonly<Record<string, T>>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      `is an object of names, each with ${allowed}`,
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const wrong = Object.entries(dataset.value).find(([, value]) => !is(value));
      if (wrong === undefined) return;
      const [name, value] = wrong;
      addIssue({
        message: `must be ${allowed}; received ${shortened(JSON.stringify(value))}`,
        path: [{ type: 'object', origin: 'value', input: { ...dataset.value }, key: shortened(name), value }],
      });
    }),
  );
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duplicateName } from '../../src/codec/duplicate-names.ts';

test.each<[string, (string | number)[] | undefined]>([
  ['5', undefined],
  ['"a"', undefined],
  ['[]', undefined],
  ['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', undefined],
  ['{"a":"a","b":"a"}', undefined],
  ['["a","a"]', undefined],
  ['{"a":1,"a":1}', ['a']],
  ['{"a":{},"a":[]}', ['a']],
  ['{"x":[1,[2],{"a":1 ,\n"a"\t:2}]}', ['x', 2, 'a']],
  [String.raw`{"a\"b":1,"a\u0022b":2}`, ['a"b']],
  [String.raw`{"\\":1,"\n":2,"\\\\":3}`, undefined],
  [String.raw`{"\\":1,"\u005c":2}`, ['\\']],
  ['{"":1,"":2}', ['']],
  ['{"__proto__":1,"constructor":2,"__proto__":3}', ['__proto__']],
  ['{"a":"{\\"b\\":1,\\"b\\":2}"}', undefined],
])('%s has %j twice', (text, path) => {
  expect(duplicateName(text)).toEqual(path);
});

/** JSON built from lists of pairs, so that it can hold a name twice. */
type Node = { readonly text: string; readonly hasDuplicate: boolean };

const leaf: fc.Arbitrary<Node> = fc.jsonValue({ maxDepth: 0 }).map((value) => ({
  text: JSON.stringify(value),
  hasDuplicate: false,
}));
const name = fc.constantFrom('a', 'b', '\\', '"', '\n', '__proto__', 'a:b', '{');
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('node'), { maxLength: 4 }).map((nodes) => ({
      text: `[${nodes.map(({ text }) => text).join(' ,')}]`,
      hasDuplicate: nodes.some(({ hasDuplicate }) => hasDuplicate),
    })),
    fc.array(fc.tuple(name, tie('node')), { maxLength: 4 }).map((pairs) => ({
      text: `{${pairs.map(([key, { text }]) => `${JSON.stringify(key)} : ${text}`).join(', ')}}`,
      hasDuplicate:
        new Set(pairs.map(([key]) => key)).size < pairs.length ||
        pairs.some(([, { hasDuplicate }]) => hasDuplicate),
    })),
  ),
}));

test('finds a duplicate name exactly in JSON that has one', () => {
  fc.assert(
    fc.property(node, ({ text, hasDuplicate }) => {
      expect(duplicateName(text) !== undefined).toBe(hasDuplicate);
    }),
    { numRuns: 2_000 },
  );
});

test('a text of 256 KiB takes little time, however deep or long', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const blanks = `{"a"${' '.repeat(250_000)}:1}`;
  const startedMs = performance.now();

  for (const text of [deep, blanks, JSON.stringify('"'.repeat(120_000))]) {
    expect(duplicateName(text)).toBeUndefined();
  }

  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

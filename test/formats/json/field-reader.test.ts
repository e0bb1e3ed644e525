import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldReader } from '../../../src/formats/json/field-reader.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';

const NAMES = ['a', 'b', 'cc', 'dd', 'e', 'a\n', 'x'.repeat(40), '1', '0', 'product'];
const name = fc.constantFrom(...NAMES);
const member = fc.tuple(name, fc.constantFrom(':', ' :', ': '), fc.constantFrom('1', '"s"', 'null', '[{}]'));

test('reads lines of any fields in any order, whatever the lines before them held', () => {
  const usual = fc.shuffledSubarray(NAMES).map((names) => names.map((each) => [each, ':', '1'] as const));
  const lines = usual.chain((members) =>
    fc.array(fc.oneof(fc.constant(members), fc.subarray(members), fc.array(member, { maxLength: 12 }))),
  );
  fc.assert(
    fc.property(fc.subarray(NAMES, { minLength: 1 }), lines, (select, all) => {
      const texts = all.map(
        (members) => `{${members.map((m) => JSON.stringify(m[0]) + m[1] + m[2]).join()}}`,
      );
      const reader = new FieldReader(select);
      reader.load(Buffer.from(`${texts.join('\n')}\n`));

      let at = 0;
      const read = texts.map(() => {
        const record = reader.read(at);
        at = reader.end;
        return JSON.stringify(record);
      });

      const picked = (text: string) =>
        Object.fromEntries(Object.entries(JSON.parse(text)).filter(([each]) => select.includes(each)));
      expect(read).toEqual(texts.map((text) => JSON.stringify(picked(text))));
    }),
    PROPERTY_RUNS,
  );
});

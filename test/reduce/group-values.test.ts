import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringCodec } from '../../src/codec/string-codec.ts';
import { GroupValues } from '../../src/reduce/group-values.ts';
import { scratchOfFile } from '../commit/environment.ts';

const scratch = scratchOfFile();

function makeValues({ memoryBytes = 1 << 20, path = `${scratch.path}/group` } = {}): GroupValues {
  return new GroupValues({ codec: stringCodec, memoryBytes, path, progress: { steps: 0 } });
}

function add(values: GroupValues, texts: readonly string[]): void {
  for (const text of texts) {
    const bytes = Buffer.concat([Buffer.from('<'), Buffer.from(text), Buffer.from('>')]);
    values.add(bytes, 1, bytes.length - 1);
    bytes.fill(0x55);
  }
}

const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 120, max: 140 }).map((length) => 'x'.repeat(length)) },
);

describe('GroupValues', () => {
  it('returns the values of each group in order, from memory or from a file', async () => {
    let spilled = 0;
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { maxLength: 20, size: 'max' }), { maxLength: 4 }),
        fc.constantFrom(0, 1, 10, 100, 1 << 20),
        (groups, memoryBytes) => {
          const values = makeValues({ memoryBytes });

          for (const group of groups) {
            add(values, group);
            expect([...values.current()]).toEqual(group);
            values.clear();
          }
          expect([...values.current()]).toEqual([]);

          spilled += values.spills;
          expect(values.bytesSpilled > 0).toBe(values.spills > 0);
          values.close();
        },
      ),
      { numRuns: 1_000 },
    );
    expect(spilled).toBeGreaterThan(1_000);
  });

  it('reads values that are longer than its read buffer, and many shorter ones', () => {
    const values = makeValues({ memoryBytes: 100 });
    const group = [
      ...Array.from({ length: 3_000 }, (_, i) => `${'-'.repeat(i % 300)}${i}`),
      'x'.repeat(700_000),
      '',
      'y'.repeat(256 * 1024),
      'z'.repeat(256 * 1024 - 3),
      'end',
    ];
    add(values, group);

    const found = [...values.current()];

    expect(found.length).toBe(group.length);
    expect(found.every((value, i) => value === group[i])).toBe(true);
    expect(values.spills).toBeGreaterThan(10);
    values.close();
  });

  it('starts each iteration at the first value, even if iterations are nested', () => {
    for (const memoryBytes of [20, 1 << 20]) {
      const values = makeValues({ memoryBytes });
      // The values exceed the read buffer, so the two iterations are at different positions of the file.
      const group = Array.from({ length: 12 }, (_, i) => `${i}${'x'.repeat(60_000)}`);
      add(values, group);

      const current = values.current();
      const twice = [[...current], [...current]];
      const pairs: unknown[] = [];
      for (const a of current)
        for (const b of current) pairs.push([group.indexOf(a as string), group.indexOf(b as string)]);

      expect(JSON.stringify(twice) === JSON.stringify([group, group])).toBe(true);
      expect(pairs).toEqual(group.flatMap((_a, i) => group.map((_b, j) => [i, j])));
      expect(values.spills > 0).toBe(memoryBytes === 20);
      values.close();
    }
  });

  it('can be read in part, or not at all', () => {
    const values = makeValues({ memoryBytes: 20 });
    add(
      values,
      Array.from({ length: 100 }, (_, i) => `first ${i}`),
    );
    for (const value of values.current()) if (value === 'first 3') break;
    values.clear();
    add(values, ['second']);

    expect([...values.current()]).toEqual(['second']);
    values.clear();
    add(values, ['third', 'third again']);
    values.clear();
    expect([...values.current()]).toEqual([]);
    values.close();
  });

  it("throw if they are read after their group has ended, and never return another group's values", () => {
    for (const memoryBytes of [20, 1 << 20]) {
      const values = makeValues({ memoryBytes });
      add(
        values,
        Array.from({ length: 50 }, (_, i) => `first ${i}`),
      );
      const kept = values.current();
      const started = kept[Symbol.iterator]();
      started.next();
      const notStarted = kept[Symbol.iterator]();
      values.clear();
      add(
        values,
        Array.from({ length: 50 }, (_, i) => `second ${i}`),
      );

      const refused = expect.objectContaining({
        name: 'JobDefinitionError',
        message: expect.stringContaining('read after its reduce() had returned'),
      });
      for (const iterator of [started, notStarted, kept[Symbol.iterator]()]) {
        expect(() => iterator.next()).toThrow(refused);
      }
      const second = values.current();
      expect([...second].length).toBe(50);
      values.close();
      expect(() => [...second]).toThrow(refused);
    }
  });

  it('stays within its memory for a group of many values', () => {
    const values = makeValues({ memoryBytes: 10_000 });
    const before = process.memoryUsage().arrayBuffers;

    add(
      values,
      Array.from({ length: 20_000 }, () => 'a value of some forty bytes or thereabouts'),
    );
    const growth = process.memoryUsage().arrayBuffers - before;

    let count = 0;
    for (const _ of values.current()) count++;
    expect(count).toBe(20_000);
    expect(values.bytesSpilled).toBeGreaterThan(800_000);
    expect(growth).toBeLessThan(20 * 1024 * 1024);
    values.close();
  });

  it.runIf(process.platform === 'linux')('reports that the disk is full', () => {
    const values = makeValues({ memoryBytes: 1, path: '/dev/full' });

    expect(() => add(values, ['one', 'two', 'three'])).toThrow(
      expect.objectContaining({ name: 'DiskFullError' }),
    );
    values.close();
  });
});

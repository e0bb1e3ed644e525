import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byRange, defineJob, lines, textLines, tsv } from '../../src/index.ts';
import { counting } from './counting-jobs.ts';
import { scratchOfFile } from './environment.ts';
import { compareText, expectedParts, files, linesOf, run, settings } from './random-jobs.ts';

const scratch = scratchOfFile();

const COMMON = { description: '', input: textLines() } as const;
const positions = defineJob({
  ...COMMON,
  name: 'positions',
  key: 'string',
  value: 'number',
  map: (line, { emit, position }) => {
    for (const word of line.split(' ')) emit(word, position().offsetBytes);
  },
  reduce: 'each',
  output: tsv(),
});
const rangeSorted = defineJob({
  ...COMMON,
  ...{
    name: 'range-sorted',
    key: 'string',
    value: 'string',
    map: (line: string, { emit }: { emit: (key: string, value: string) => void }) => emit(line, line),
    partition: byRange(),
    reduce: 'each',
    output: lines(),
  },
});
const grep = defineJob({
  ...COMMON,
  name: 'grep',
  map: (line, { emit, count }) => {
    if (line.includes('a')) emit(undefined, line);
    else count('dropped');
  },
  output: lines(),
});

describe('a whole job', () => {
  it('keeps the values of each key in the order of the input', async () => {
    await fc.assert(
      fc.asyncProperty(files, settings, async (files, settings) => {
        const { parts } = await run({ scratch: scratch.path, job: positions, ...settings }, files);

        const records = files.flatMap((text) => {
          let offset = 0;
          return linesOf([text]).flatMap((line) => {
            const at = offset;
            offset += Buffer.byteLength(line) + 1;
            return line.split(' ').map((word) => [word, `${word}\t${at}\n`] as const);
          });
        });
        expect(parts).toEqual(expectedParts(records, settings));
      }),
      { numRuns: 1_000 },
    );
  });

  it('that is range-partitioned writes parts that together are the sorted input', async () => {
    await fc.assert(
      fc.asyncProperty(files, settings, async (files, settings) => {
        const { parts } = await run({ scratch: scratch.path, job: rangeSorted, ...settings }, files);

        const sorted = linesOf(files).sort(compareText);
        expect(parts.join('')).toBe(sorted.map((line) => `${line}\n`).join(''));
      }),
      { numRuns: 1_000 },
    );
  });

  it('without a reduce writes the emitted records in the order of the input', async () => {
    await fc.assert(
      fc.asyncProperty(files, settings, async (files, { reducers: _none, ...settings }) => {
        const { parts, report, plan } = await run({ scratch: scratch.path, job: grep, ...settings }, files);

        const kept = linesOf(files).filter((line) => line.includes('a'));
        expect(parts.join('')).toBe(kept.map((line) => `${line}\n`).join(''));
        expect(report.parts.length).toBe(settings.merge ? 1 : plan.splits.length);
        expect(report.parts.reduce((sum, { records }) => sum + records, 0)).toBe(kept.length);
        expect(report.counters.dropped ?? 0).toBe(linesOf(files).length - kept.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('without input succeeds and writes empty parts', async () => {
    for (const merge of [false, true]) {
      const shuffled = await run(
        { scratch: scratch.path, job: counting['named reducer']!, reducers: 2, merge },
        [''],
      );
      const mapOnly = await run({ scratch: scratch.path, job: grep, merge }, ['']);

      expect(shuffled.parts).toEqual(merge ? [''] : ['', '']);
      expect(mapOnly.parts).toEqual(merge ? [''] : []);
      expect(Object.keys(mapOnly.objects)).toContain('out/_SUCCESS');
    }
  });

  it('writes the same bytes in whatever order its tasks run', async () => {
    const text = ['the fox and the dog and the end\n'.repeat(20)];
    const inOrder = await run(
      { scratch: scratch.path, job: counting['named reducer']!, reducers: 3, splitSizeBytes: 50 },
      text,
    );
    const backwards = await run(
      {
        scratch: scratch.path,
        job: counting['named reducer']!,
        reducers: 3,
        splitSizeBytes: 50,
        shuffled: (tasks) => [...tasks].reverse(),
      },
      text,
    );

    expect(inOrder.plan.splits.length).toBeGreaterThan(5);
    expect(backwards.objects).toEqual(inOrder.objects);
  });
});

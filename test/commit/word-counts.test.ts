import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counting } from './counting-jobs.ts';
import { scratchOfFile } from './environment.ts';
import { expectedParts, files, linesOf, run, settings } from './random-jobs.ts';
import { objectsBelow } from './small-job.ts';

const scratch = scratchOfFile();

describe('a word count', () => {
  for (const [how, job] of Object.entries(counting)) {
    it(`gives the same counts as a Map, whatever the splits, reducers and memory (${how})`, async () => {
      await fc.assert(
        fc.asyncProperty(files, settings, async (files, settings) => {
          const { parts, report, objects, store } = await run(
            { scratch: scratch.path, job, ...settings },
            files,
          );

          const counts = new Map<string, number>();
          const words = linesOf(files).flatMap((line) => line.split(' '));
          for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
          const records = [...counts].map(([word, times]) => [word, `${word}\t${times}\n`] as const);
          expect(parts).toEqual(expectedParts(records, settings));
          expect(report.parts.map(({ records }) => records).reduce((a, b) => a + b, 0)).toBe(counts.size);
          for (const { name, bytes, crc32: crc } of report.parts) {
            const content = Buffer.from(objects[`out/${name}`]!, 'latin1');
            expect([content.length, crc32(content).toString(16).padStart(8, '0')]).toEqual([bytes, crc]);
          }
          expect(JSON.parse(objects['out/manifest.json']!)).toEqual(report);
          expect(Object.keys(await objectsBelow(store, 'work/'))).toEqual([]);
        }),
        { numRuns: 1_000 },
      );
    });
  }
});

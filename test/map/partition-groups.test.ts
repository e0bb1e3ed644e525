import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartitionGroups } from '../../src/map/partition-groups.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';

const PARTITIONS = 4;

describe('groups by partition', () => {
  it('are written in order and sorted once each, however often draining pauses', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(PARTITIONS - 1), { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (partitions, batch, pauses) => {
          const groups = new PartitionGroups(PARTITIONS, new Uint32Array(partitions.length));
          for (const partition of partitions) groups.count(partition);
          groups.startPlacing();
          for (const [record, partition] of partitions.entries()) groups.place(partition, record);
          const writer = new RunWriter({
            compression: { codec: 'none' },
            blockBytes: 9,
            emitBlock: () => {},
          });
          const written: number[] = [];
          const sorted: number[] = [];

          let isDrained = false;
          while (!isDrained) {
            isDrained = groups.drain(writer, pauses ? 0 : Number.POSITIVE_INFINITY, {
              sort: (_offsets, start, end) => sorted.push(end - start),
              write: (offsets, start, end) => {
                const stop = Math.min(end, start + batch);
                written.push(...offsets.subarray(start, stop));
                return stop;
              },
            });
          }

          const byPartition = Array.from({ length: PARTITIONS }, (_, p) =>
            [...partitions.keys()].filter((record) => partitions[record] === p),
          );
          expect(written).toEqual(byPartition.flat());
          expect(sorted).toEqual(byPartition.map(({ length }) => length));
          expect(writer.extents.length).toBe(PARTITIONS);
        },
      ),
      { numRuns: 500 },
    );
  });
});

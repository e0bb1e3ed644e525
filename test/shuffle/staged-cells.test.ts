import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stagingSpace } from '../../src/aws/model/function-memory.ts';
import { systemClock } from '../../src/base/clock.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { GiB, KiB, LIMITS, MiB } from '../../src/base/limits.ts';
import { PhaseClock } from '../../src/base/phase-clock.ts';
import { openRunsBudget } from '../../src/shuffle/open-runs.ts';
import type { RunSegment } from '../../src/shuffle/run-reader.ts';
import { CellStager, type StageCellsOptions } from '../../src/shuffle/staged-cells.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { NO_CONTROL, scratchFolder } from '../commit/environment.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { noise } from '../storage/object-store-contract.ts';
import { printed, readMerged, storeRun } from './records.ts';

/** One segment in each object, after some bytes of other partitions. */
async function segmentsOf(sizes: readonly number[]): Promise<{ store: FaultyStore; segments: RunSegment[] }> {
  const inner = new MemoryStore();
  const store = new FaultyStore(inner);
  const segments: RunSegment[] = [];
  for (const [index, size] of sizes.entries()) {
    const { etag } = await inner.put(`object-${index}`, noise(10 + size, index + 1));
    segments.push({ store, key: `object-${index}`, etag, startBytes: 10, endBytes: 10 + size, records: 1 });
  }
  return { store, segments };
}

async function bytesOf({ store, key, etag, startBytes, endBytes }: RunSegment): Promise<Buffer> {
  return await store.get(key, {
    range: { start: startBytes, end: endBytes },
    ...(etag === undefined ? {} : { ifMatch: etag }),
  });
}

function optionsOf(folder: string, more: Partial<StageCellsOptions> = {}): StageCellsOptions {
  return {
    space: { scratchBytes: 1 * GiB, streamedBytesMax: () => 100 },
    chunkBytes: 16 * KiB,
    folder,
    memoryBytes: 64 * MiB,
    control: NO_CONTROL,
    phases: new PhaseClock(systemClock),
    ...more,
  };
}

async function stageCells(
  segments: readonly RunSegment[],
  options: StageCellsOptions,
): Promise<readonly RunSegment[]> {
  return (await new CellStager(segments, options).stage(segments)).segments;
}

describe('a stager of cells', () => {
  it('copies each large cell with one request, and leaves small ones where they are', async () => {
    using folder = scratchFolder();
    const { store, segments } = await segmentsOf([101, 100, 5_000, 0, 300]);

    const staged = await stageCells(segments, optionsOf(folder.path));

    expect(store.log.toSorted()).toEqual(['get object-0', 'get object-2', 'get object-4']);
    expect(staged.map(({ key, origin }) => [key, origin])).toEqual([
      ['cells-0', 'object-0'],
      ['object-1', undefined],
      ['cells-0', 'object-2'],
      ['object-3', undefined],
      ['cells-0', 'object-4'],
    ]);
    for (const [index, segment] of staged.entries()) {
      expect(await bytesOf(segment)).toEqual(await bytesOf(segments[index]!));
    }
  });

  it('copies a cell that is larger than a range with several requests', async () => {
    using folder = scratchFolder();
    const { store, segments } = await segmentsOf([2 * LIMITS.stagedRangeBytes + 1]);

    const [staged] = await stageCells(segments, optionsOf(folder.path));

    expect(store.log).toHaveLength(3);
    expect((await bytesOf(staged!)).equals(await bytesOf(segments[0]!))).toBe(true);
  });

  it('copies as many cells as there is space for, beside what merges have written and will write', async () => {
    using folder = scratchFolder();
    const { segments } = await segmentsOf(Array.from({ length: 10 }, () => 1_000));
    const space = { scratchBytes: 10_000, streamedBytesMax: () => 100 };
    const stager = new CellStager(segments, optionsOf(folder.path, { space }));
    const copied = (all: readonly RunSegment[]) => all.filter(({ origin }) => origin !== undefined).length;

    const first = await stager.stage(segments.slice(0, 5), { reservedBytes: 6_000 });
    const second = await stager.stage(segments);
    await second.release();
    stager.written(3_000);
    const third = await stager.stage(segments);
    await third.release();
    await first.release();
    const fourth = await stager.stage(segments);

    expect([first, second, third, fourth].map((staged) => copied(staged.segments))).toEqual([4, 6, 3, 7]);
    expect(readdirSync(folder.path)).toEqual(['cells-3']);
    expect(copied((await stager.stage(fourth.segments)).segments)).toBe(7);
  });

  it('has only so many bytes in flight, and stops after the first failure', async () => {
    using folder = scratchFolder();
    const { store, segments } = await segmentsOf(Array.from({ length: 50 }, () => 1_000));
    let inFlight = 0;
    let most = 0;
    const get = store.get.bind(store);
    store.get = async (...request) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return await get(...request);
    };

    await stageCells(segments, optionsOf(folder.path, { memoryBytes: 4_500 }));
    const failing = stageCells(
      segments.map((segment) => ({ ...segment, etag: 'other' })),
      optionsOf(folder.path, { memoryBytes: 100 }),
    );

    expect(most).toBe(4);
    await expect(failing).rejects.toMatchObject({ name: 'PreconditionFailedError' });
    expect(store.log).toHaveLength(51);
  });

  it('reads a cell again after an error that may pass, and not the others', async () => {
    using folder = scratchFolder();
    const { store, segments } = await segmentsOf([1_000, 2_000, 3_000]);
    const get = store.get.bind(store);
    let failures = 2;
    store.get = async (...request) => {
      const bytes = await get(...request);
      if (request[0] === 'object-1' && failures-- > 0) throw new MapReduceError('StorageError', 'no network');
      return bytes;
    };

    const staged = await stageCells(segments, optionsOf(folder.path));

    for (const [index, segment] of staged.entries()) {
      expect((await bytesOf(segment)).equals(await bytesOf(segments[index]!))).toBe(true);
    }
    expect(store.log.slice(0, 5).sort()).toEqual([
      'get object-0',
      'get object-1',
      'get object-1',
      'get object-1',
      'get object-2',
    ]);
  });

  it('lets a merge read the same records, and name the object that is damaged', async () => {
    using folder = scratchFolder();
    const inner = new MemoryStore();
    const records = (run: number) =>
      Array.from({ length: 40 }, (_, i) => ({
        key: Buffer.from(String(1_000 + 3 * i + run)),
        value: Buffer.from('v'),
      }));
    const segments = [
      (await storeRun(inner, 'run-0', [records(0)], { blockBytes: 100 }))[0]!,
      (await storeRun(inner, 'run-1', [records(1)], { blockBytes: 100 }))[0]!,
    ];

    const staged = await stageCells(segments, optionsOf(folder.path));
    const bytes = await inner.get('run-1');
    bytes[bytes.length - 3]! ^= 1;
    const { etag } = await inner.put('run-1', bytes);
    using other = scratchFolder();
    const damaged = await stageCells([segments[0]!, { ...segments[1]!, etag }], optionsOf(other.path));

    expect(staged.every(({ origin }) => origin !== undefined)).toBe(true);
    expect(printed(await readMerged(staged, 64))).toEqual(
      printed([...records(0), ...records(1)].sort((a, b) => Buffer.compare(a.key, b.key))),
    );
    await expect(readMerged(damaged, 64)).rejects.toMatchObject({
      name: 'CorruptShuffleError',
      details: { objectKey: 'run-1' },
    });
  });
});

describe('the space of a function of 1,769 MB', () => {
  it('is for cells that do not fit the memory of a merge', () => {
    const space = stagingSpace({ memoryMb: 1_769, scratchMb: 10_240 });
    const memoryBytes = 756 * MiB * LIMITS.openRunsFraction;
    const streamedKiB = (runs: number) =>
      Math.floor(
        space.streamedBytesMax(openRunsBudget(memoryBytes, LIMITS.blockBytes, runs).chunkBytes) / KiB,
      );

    expect([932, 512, 100, 50].map(streamedKiB)).toEqual([378, 378, 756, 1_513]);
    expect(streamedKiB(10)).toBe(Number.POSITIVE_INFINITY);
    expect(space.scratchBytes).toBe(9 * GiB);
  });
});

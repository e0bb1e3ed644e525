import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobId } from '../../../src/base/ids.ts';
import type { Job } from '../../../src/index.ts';
import { sampleBoundaries } from '../../../src/plan/boundaries/sample-boundaries.ts';
import { planJob } from '../../../src/plan/plan-job.ts';
import type { InputFile } from '../../../src/read/input-file.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { sortLines, withMap } from '../../helpers/jobs.ts';

type Compression = InputFile['compression'];

async function inputOf(
  texts: readonly string[],
  compression: (index: number) => Compression = () => 'none',
): Promise<{ inputs: MemoryStore; files: InputFile[] }> {
  const inputs = new MemoryStore();
  const files: InputFile[] = [];
  for (const [i, text] of texts.entries()) {
    const how = compression(i);
    const { etag, sizeBytes } = await inputs.put(`${i}`, compressed(text, how));
    files.push({ key: `${i}`, sizeBytes, etag, compression: how });
  }
  return { inputs, files };
}

function toSample(job: Job, { inputs, files }: { inputs: ObjectStore; files: InputFile[] }) {
  return { inputs: [{ source: job.inputs[0]!.source, files }], splits: [], store: inputs };
}

function compressed(text: string, how: Compression): Buffer {
  if (how === 'none') return Buffer.from(text);
  return how === 'gzip' ? gzipSync(text, { level: 1 }) : zstdCompressSync(text);
}

describe('sampleBoundaries()', () => {
  const sample = async (
    texts: readonly string[],
    { partitions, samplesMax = 1_000 }: { partitions: number; samplesMax?: number },
    job = sortLines,
  ): Promise<string[]> => {
    const { inputs, files } = await inputOf(texts);
    const { boundaries } = await sampleBoundaries({
      job,
      params: {},
      ...toSample(job, { inputs, files }),
      partitions,
      samplesMax,
    });
    return boundaries.map((boundary) => Buffer.from(boundary, 'base64').toString());
  };

  it('returns ascending keys of the input, fewer than there are partitions', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\0'), maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 40 }),
        async (inputLines, partitions, samplesMax) => {
          const text = inputLines.map((line) => `${line}\n`).join('');

          const boundaries = await sample([text], { partitions, samplesMax });

          const bytes = boundaries.map((boundary) => Buffer.from(boundary));
          expect(boundaries.length).toBeLessThan(partitions);
          expect(boundaries.every((boundary) => inputLines.includes(boundary))).toBe(true);
          for (let i = 1; i < bytes.length; i++) expect(Buffer.compare(bytes[i - 1]!, bytes[i]!)).toBe(-1);
          expect(await sample([text], { partitions, samplesMax })).toEqual(boundaries);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('cuts the keys into equal shares', async () => {
    const text = Array.from(
      { length: 1_000 },
      (_, i) => `${String((i * 7) % 1_000).padStart(3, '0')}\n`,
    ).join('');

    expect(await sample([text], { partitions: 4, samplesMax: 100_000 })).toEqual(['250', '500', '750']);
  });

  it('never splits one key, however often it occurs', async () => {
    const text = `${'same\n'.repeat(100)}zebra\n`;

    expect(await sample([text], { partitions: 10 })).toEqual(['same']);
  });

  it('reads only a part of a large input, and maps about as many records as it may sample keys', async () => {
    const text = Array.from({ length: 200_000 }, (_, i) => `${String(i).padStart(9, '0')}\n`).join('');
    const { inputs, files } = await inputOf(Array.from({ length: 100 }, () => text));
    const watched = new FaultyStore(inputs);
    let mapped = 0;
    const job = withMap(sortLines, () => void mapped++);

    await sampleBoundaries({
      job,
      params: {},
      ...toSample(job, { inputs: watched, files }),
      partitions: 4,
      samplesMax: 1_000,
    });

    expect(watched.log.filter((name) => /^(?:get|stream) /.test(name)).length).toBeLessThanOrEqual(512);
    expect(mapped).toBeLessThanOrEqual(1_024);
    expect(mapped).toBeGreaterThan(500);
  });

  it('ignores records that map refuses: the map task will report them', async () => {
    expect(await sample(['a\nb\nthrow\nc\n', 'd\ne\n'], { partitions: 2 })).not.toEqual([]);
  });

  it('refuses a map that returns a promise, and handles its rejection', async () => {
    const job = withMap(sortLines, async () => {
      throw new Error('late');
    });

    await expect(sample(['a\n'], { partitions: 2 }, job)).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('map() returned a promise'),
    });
  });

  it('samples compressed input up to the bound, and reports that it has not sampled all of it', async () => {
    const all = Array.from({ length: 20_000 }, (_, i) => `${String(i).padStart(6, '0')}\n`);
    const { inputs, files } = await inputOf([all.join(''), all.join('')], () => 'gzip');
    const options = {
      job: sortLines,
      params: {},
      ...toSample(sortLines, { inputs, files }),
      partitions: 2,
      samplesMax: 1_000,
    };

    const whole = await sampleBoundaries(options);
    const part = await sampleBoundaries({ ...options, streamBytesMax: 140_000 });

    expect(whole.isWhole).toBe(true);
    expect(part.isWhole).toBe(false);
    // Half of each file is read, and the middle of that is at a quarter of the file.
    const [boundary] = part.boundaries.map((key) => Number(Buffer.from(key, 'base64').toString()));
    expect(boundary).toBeGreaterThan(4_000);
    expect(boundary).toBeLessThan(6_000);
    expect(await sampleBoundaries({ ...options, streamBytesMax: 140_000 })).toEqual(part);
  });

  it('passes errors of the input on', async () => {
    const { inputs, files } = await inputOf(['a\nb\n']);
    await inputs.put('0', Buffer.from('changed\n'));

    const sampling = sampleBoundaries({
      job: sortLines,
      params: {},
      ...toSample(sortLines, { inputs, files }),
      partitions: 2,
      samplesMax: 9,
    });

    await expect(sampling).rejects.toMatchObject({ name: 'InputChangedError' });
  });
});

describe('the parts of a range-partitioned job', () => {
  const KEYS = 60_000;
  /** Unique keys in pseudorandom order: a walk through all residues of a prime. */
  const scattered = Array.from({ length: KEYS }, (_, i) => (i * 48_271) % 60_013).map(
    (n) => `${String(n).padStart(7, '0')} ${'x'.repeat(n % 23)}`,
  );
  const sorted = scattered.toSorted();
  const orders: Record<string, readonly string[]> = {
    scattered,
    sorted,
    reversed: sorted.toReversed(),
    // Runs of 500 consecutive keys, in random order.
    clustered: Array.from({ length: KEYS / 500 }, (_, i) => (i * 7) % (KEYS / 500)).flatMap((run) =>
      sorted.slice(run * 500, (run + 1) * 500),
    ),
    // Long lines have the smallest keys, and short lines the largest.
    'sorted, of growing length': sorted.map((key, i) => `${key}${'y'.repeat(Math.floor(i / 2_000))}`),
    'few keys': sorted.slice(0, 640),
  };
  const layouts: Record<
    string,
    (all: readonly string[]) => Promise<{ inputs: MemoryStore; files: InputFile[] }>
  > = {
    'a plain file': (all) => inputOf([textOf(all)]),
    'a gzip file': (all) => inputOf([textOf(all)], () => 'gzip'),
    'a zstd file': (all) => inputOf([textOf(all)], () => 'zstd'),
    'plain files of very different sizes': (all) => inputOf(unevenTexts(all)),
    'files of very different sizes, two of three compressed': (all) =>
      inputOf(unevenTexts(all), (i) => (['none', 'gzip', 'zstd'] as const)[i % 3]!),
    'a file for each of many lines, and one for the others': (all) => {
      const alone = Math.min(3_000, all.length - 1);
      return inputOf([...all.slice(0, alone).map((line) => `${line}\n`), textOf(all.slice(alone))]);
    },
  };

  it.each(
    Object.keys(orders).flatMap((order) => Object.keys(layouts).map((layout) => [order, layout] as const)),
  )('are of about the same size: %s, in %s', async (order, layout) => {
    const all = orders[order]!;
    const { inputs, files } = await layouts[layout]!(all);

    for (const reducers of [4, 16, 64]) {
      const { settings } = await planJob({
        job: sortLines,
        jobId: jobId('j'),
        params: {},
        files: [files],
        inputs,
        reducers,
        compression: { codec: 'none' },
        merge: false,
      });

      if (settings.partition.kind !== 'range') throw new Error('not partitioned by range');
      expect(settings.partition).not.toHaveProperty('isPartlySampled');
      expect(largestShare(all, settings.partition.boundaries, reducers)).toBeLessThan(1.5);
    }
  });

  it.each(['gzip', 'zstd', 'none'] as const)(
    'are of about the same size where there are many more records than samples: sorted, %s',
    async (how) => {
      const all = Array.from({ length: 400_000 }, (_, i) => String(i).padStart(7, '0'));
      const { inputs, files } = await inputOf([textOf(all)], () => how);

      const { settings } = await planJob({
        job: sortLines,
        jobId: jobId('j'),
        params: {},
        files: [files],
        inputs,
        reducers: 16,
        compression: { codec: 'none' },
        merge: false,
      });

      if (settings.partition.kind !== 'range') throw new Error('not partitioned by range');
      expect(largestShare(all, settings.partition.boundaries, 16)).toBeLessThan(1.5);
    },
  );

  function textOf(all: readonly string[]): string {
    return all.map((line) => `${line}\n`).join('');
  }

  /** Each file holds half of what is left, down to single lines. */
  function unevenTexts(all: readonly string[]): string[] {
    const texts: string[] = [];
    for (let start = 0; start < all.length; ) {
      const end = start + Math.max(1, Math.floor((all.length - start) / 2));
      texts.push(textOf(all.slice(start, end)));
      start = end;
    }
    return texts;
  }

  /** The largest part as a multiple of the mean. */
  function largestShare(all: readonly string[], boundaries: readonly string[], partitions: number): number {
    const keys = boundaries.map((boundary) => Buffer.from(boundary, 'base64').toString());
    const sizes = new Array<number>(partitions).fill(0);
    let partition = 0;
    // The keys are ASCII, so their order as text is the order of their bytes.
    for (const line of all.toSorted()) {
      while (partition < keys.length && keys[partition]! <= line) partition++;
      sizes[partition]!++;
    }
    return (Math.max(...sizes) * partitions) / all.length;
  }
});

import { type FileHandle, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChunkOptions, readChunks } from '../../../src/storage/file/read-chunks.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

const CONTENT = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7919) % 251));

let path: string;
let file: FileHandle;
/** The chunks that were read on this thread, and the reads of the pool. */
let here: number;
let inPool: number;

beforeEach(async () => {
  path = join(folderOfTest('read-chunks'), 'file');
  await writeFile(path, CONTENT);
  file = await open(path);
  const read = file.read.bind(file);
  inPool = 0;
  // The cast: read() has several forms, of which the module uses one.
  file.read = ((...args: Parameters<typeof read>) => {
    inPool++;
    return read(...args);
  }) as typeof file.read;
});
afterEach(() => file.close());

/** @param isSlow  for each read on this thread, in order; false after the last */
function options(
  chunkSizeBytes: number,
  isSlow: boolean[],
  range = { start: 0, end: CONTENT.length },
): ChunkOptions {
  let nowMs = 0;
  let calls = 0;
  here = 0;
  return {
    range,
    chunkSizeBytes,
    nowMs: () => {
      if (calls++ % 2 === 1 && isSlow[here++] === true) nowMs += 10;
      return nowMs;
    },
  };
}

async function contentOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

describe('readChunks', () => {
  it('reads on this thread while that is fast', async () => {
    const content = await contentOf(readChunks(file, options(100, [])));

    expect(content.equals(CONTENT)).toBe(true);
    expect([here, inPool]).toEqual([100, 0]);
  });

  it('lets the pool read the 32 chunks after a slow one, then tries again', async () => {
    const content = await contentOf(readChunks(file, options(100, [false, true, false, true])));

    expect(content.equals(CONTENT)).toBe(true);
    expect([here, inPool]).toEqual([100 - 64, 64]);
  });

  it.each([1, 2, 3, 5, 8, 13])('returns the range whatever is slow (seed %i)', async (seed) => {
    const isSlow = Array.from({ length: 10_000 }, (_, i) => (i * seed * 31) % 7 < 2);
    const range = { start: seed * 11, end: CONTENT.length - seed * 17 };

    const content = await contentOf(readChunks(file, options(seed * 37, isSlow, range)));

    expect(content.equals(CONTENT.subarray(range.start, range.end))).toBe(true);
  });

  it.each([[[]], [[true]]])(
    'ends with a smaller chunk where the file ends too early (slow: %j)',
    async (isSlow) => {
      await truncate(path, 250);

      const sizes: number[] = [];
      for await (const chunk of readChunks(file, options(100, isSlow))) sizes.push(chunk.length);

      expect(sizes).toEqual([100, 100, 50]);
    },
  );

  it('reads nothing of an empty range, and waits for the pool when it is abandoned', async () => {
    expect((await contentOf(readChunks(file, options(100, [], { start: 5, end: 5 })))).length).toBe(0);

    for await (const _chunk of readChunks(file, options(100, [true]))) break;

    expect(inPool).toBe(2);
  });
});

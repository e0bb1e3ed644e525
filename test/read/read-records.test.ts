import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapReduceError } from '../../src/base/errors.ts';
import { KiB, LIMITS, MiB } from '../../src/base/limits.ts';
import type { RecordReader } from '../../src/formats/source.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import { cutSplits } from '../../src/plan/splits.ts';
import type { InputFile } from '../../src/read/input-file.ts';
import { readPiece } from '../../src/read/read-records.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { StreamOptions } from '../../src/storage/object-store.ts';
import { naiveLines, randomText } from '../formats/line-oracle.ts';

/** Records what was requested, and can return small chunks. */
class WatchedStore extends MemoryStore {
  readonly ranges: [number, number][] = [];
  chunkSizeBytes: number | undefined;

  override stream(key: string, options: StreamOptions = {}) {
    if (options.range !== undefined) this.ranges.push([options.range.start, options.range.end]);
    const { chunkSizeBytes = options.chunkSizeBytes } = this;
    return super.stream(key, { ...options, ...(chunkSizeBytes === undefined ? {} : { chunkSizeBytes }) });
  }
}

async function putFile(
  store: MemoryStore,
  {
    key = 'in/a.txt',
    bytes,
    compression = 'none',
  }: { key?: string; bytes: Buffer; compression?: InputFile['compression'] },
): Promise<InputFile> {
  const { sizeBytes, etag } = await store.put(key, bytes);
  return { key, sizeBytes, etag, compression };
}

async function read(
  store: MemoryStore,
  file: InputFile,
  {
    start = 0,
    end = file.sizeBytes,
    recordBytesMax = 64 * MiB,
  }: { start?: number; end?: number; recordBytesMax?: number } = {},
) {
  const lines: string[] = [];
  const result = await readPiece(
    { file, startBytes: start, endBytes: end },
    { source: textLines(), store, recordBytesMax, deliver: (line) => lines.push(line) },
  );
  return { lines, ...result };
}

const TEXT = Buffer.from('\ufeffone\r\ntwo\nthrée\n\nfive'.repeat(2000));

describe('readPiece()', () => {
  it('requests its range and one chunk after it, and no more if the last record ends there', async () => {
    const store = new WatchedStore();
    const file = await putFile(store, { bytes: Buffer.from(`${'x'.repeat(79)}\n`.repeat(50_000)) });

    const { unitsRead, bytesRead, lines } = await read(store, file, { start: 800_000, end: 1_600_000 });

    expect(store.ranges).toEqual([[799_999, 1_600_000 + LIMITS.inputChunkBytes]]);
    expect(unitsRead).toBe(800_000);
    expect(lines).toHaveLength(10_000);
    expect(bytesRead).toBeLessThanOrEqual(800_001 + LIMITS.inputChunkBytes);
  });

  it('requests more, in growing ranges, while the last record is incomplete', async () => {
    const store = new WatchedStore();
    const long = 'y'.repeat(3 * MiB);
    const file = await putFile(store, { bytes: Buffer.from(`a\n${long}\nb\n${'z'.repeat(3 * MiB)}\n`) });

    const { lines, unitsRead } = await read(store, file, { end: 100 });

    expect(lines.map((line) => line.length)).toEqual([1, long.length]);
    expect(unitsRead).toBe(3 * MiB + 3);
    expect(store.ranges.map(([start, end]) => end - start)).toEqual([
      256 * KiB + 100,
      512 * KiB,
      MiB,
      2 * MiB,
    ]);
  });

  it('reads the same lines from plain, gzip and zstd files', async () => {
    const expected = naiveLines(TEXT).map(({ text }) => text);
    for (const [compression, bytes] of [
      ['none', TEXT],
      ['gzip', gzipSync(TEXT)],
      ['zstd', zstdCompressSync(TEXT)],
    ] as const) {
      for (const chunkSizeBytes of [1, 7, 1000, 1 * MiB]) {
        const store = new WatchedStore();
        store.chunkSizeBytes = chunkSizeBytes;
        const file = await putFile(store, { bytes, compression });

        const { lines, unitsRead, bytesRead } = await read(store, file);

        expect(lines).toEqual(expected);
        expect(unitsRead).toBe(TEXT.length);
        expect(bytesRead).toBe(bytes.length);
      }
    }
  });

  it('announces chunks before their records, and reports positions through the reader', async () => {
    const store = new WatchedStore();
    store.chunkSizeBytes = 10;
    const file = await putFile(store, { bytes: Buffer.from('aaa\nbbb\nccc\nddd\neee\n') });
    const chunks: [number, number, number][] = [];
    const positions: [string, number][] = [];
    let reader: RecordReader<string> | undefined;

    await readPiece(
      { file, startBytes: 5, endBytes: 20 },
      {
        source: textLines(),
        store,
        recordBytesMax: 100,
        onReader: (created) => {
          reader = created;
        },
        beforeBatch: (...chunk) => {
          chunks.push(chunk);
          return undefined;
        },
        deliver: (line) => positions.push([line, reader!.offset()]),
      },
    );

    expect(chunks).toEqual([
      [4, 10, 10],
      [14, 6, 16],
      [20, 0, 16],
    ]);
    expect(positions).toEqual([
      ['ccc', 8],
      ['ddd', 12],
      ['eee', 16],
    ]);
  });

  it('reports that the input has changed since it was planned', async () => {
    const store = new MemoryStore();
    const file = await putFile(store, { bytes: Buffer.from('a\n') });
    await putFile(store, { bytes: Buffer.from('b\n') });

    await expect(read(store, file)).rejects.toMatchObject({
      name: 'InputChangedError',
      message: expect.stringMatching(
        /in\/a\.txt changed while the job ran.*Run the job again while nothing writes/,
      ),
    });
  });

  it('reports that the input is gone', async () => {
    const store = new MemoryStore();
    const file = await putFile(store, { bytes: Buffer.from('a\n') });
    await store.delete([file.key]);

    await expect(read(store, file)).rejects.toMatchObject({
      name: 'InputNotFoundError',
      message: expect.stringContaining('in/a.txt'),
    });
  });

  it('does not mistake a stream that ends early for the end of the file', async () => {
    class ShortStore extends MemoryStore {
      override stream(key: string) {
        return super.stream(key, { range: { start: 0, end: 3 } });
      }
    }
    const store = new ShortStore();
    const file = await putFile(store, { bytes: Buffer.from('a\nb\nc\n') });

    await expect(read(store, file)).rejects.toMatchObject({
      name: 'StorageError',
      message: /returned 3 bytes instead of 6/,
    });
  });

  it('names the file and the offset of a record that is too large', async () => {
    const store = new MemoryStore();
    const file = await putFile(store, { bytes: Buffer.from('short\nfar too long a line\n') });

    await expect(read(store, file, { recordBytesMax: 10 })).rejects.toMatchObject({
      name: 'RecordTooLargeError',
      message: expect.stringMatching(/in\/a\.txt: the line that starts at byte 6 is longer than 10 bytes/),
      details: { offsetBytes: 6, file: expect.stringContaining('in/a.txt') },
    });
  });

  it.each(['gzip', 'zstd'] as const)(
    'closes the source and the %s decoder when deliver() throws',
    async (compression) => {
      const store = new MemoryStore();
      const bytes = compression === 'gzip' ? gzipSync(TEXT) : zstdCompressSync(TEXT);
      const file = await putFile(store, { bytes, compression });
      const boom = new MapReduceError('CancelledError', 'boom');
      const reading = readPiece(
        { file, startBytes: 0, endBytes: file.sizeBytes },
        {
          source: textLines(),
          store,
          recordBytesMax: MiB,
          deliver: () => {
            throw boom;
          },
        },
      );

      await expect(reading).rejects.toBe(boom);
    },
  );

  it('reads all lines of all splits in order, whatever the files, the split size and the chunks', async () => {
    const randomFile = fc
      .record({
        bytes: randomText,
        compression: fc.constantFrom(
          'none' as const,
          'none' as const,
          'none' as const,
          'gzip' as const,
          'zstd' as const,
        ),
      })
      // Decompressed bytes are inspected too, and text with a NUL after each letter looks like UTF-16.
      .filter(({ bytes, compression }) => compression === 'none' || !bytes.includes(0));
    await fc.assert(
      fc.asyncProperty(
        fc.array(randomFile, { maxLength: 5, size: 'max' }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 100 }),
        async (shapes, splitSizeBytes, chunkSizeBytes) => {
          const store = new WatchedStore();
          store.chunkSizeBytes = chunkSizeBytes;
          const pack = { none: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync };
          const files = await Promise.all(
            shapes.map(({ bytes, compression }, index) =>
              putFile(store, { key: `f${index}`, bytes: pack[compression](bytes), compression }),
            ),
          );

          const lines: string[] = [];
          let unitsRead = 0;
          for (const { pieces } of cutSplits([{ source: textLines(), files }], {
            splitSizeBytes,
            params: {},
          })) {
            for (const { file, startBytes, endBytes } of pieces) {
              const piece = await read(store, file, { start: startBytes, end: endBytes });
              lines.push(...piece.lines);
              unitsRead += piece.unitsRead;
            }
          }

          expect(lines).toEqual(shapes.flatMap(({ bytes }) => naiveLines(bytes).map(({ text }) => text)));
          expect(unitsRead).toBe(shapes.reduce((sum, { bytes }) => sum + bytes.length, 0));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import type { SplitPiece } from '../../src/read/input-file.ts';
import { SmallFilesAhead } from '../../src/read/small-files.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ReadOptions } from '../../src/storage/object-store.ts';

/** Counts what is requested at once, and answers only when told to. */
class SlowStore extends MemoryStore {
  readonly gets: string[] = [];
  readonly streams: string[] = [];
  inFlight = 0;
  inFlightMax = 0;
  failing: string | undefined;

  override async get(key: string, options?: ReadOptions): Promise<Buffer> {
    this.gets.push(key);
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    await setImmediate();
    this.inFlight -= 1;
    if (key === this.failing) throw new Error(`no ${key}`);
    return super.get(key, options);
  }

  override stream(...[key, options]: Parameters<MemoryStore['stream']>) {
    this.streams.push(key);
    return super.stream(key, options);
  }
}

async function piecesOf(store: MemoryStore, sizes: readonly number[]): Promise<SplitPiece[]> {
  return await Promise.all(
    sizes.map(async (size, index) => {
      const { key, sizeBytes, etag } = await store.put(`f${index}`, Buffer.alloc(size, index));
      return { file: { key, sizeBytes, etag, compression: 'none' }, startBytes: 0, endBytes: size };
    }),
  );
}

/** Reads the piece as piece-bytes.ts does. */
async function readPiece(
  store: SmallFilesAhead,
  { file, startBytes, endBytes }: SplitPiece,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (file.sizeBytes === 0) return Buffer.alloc(0);
  const range = { start: Math.max(0, startBytes - 1), end: Math.min(file.sizeBytes, endBytes + 1) };
  for await (const chunk of store.stream(file.key, { range, ifMatch: file.etag }))
    chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe('SmallFilesAhead', () => {
  it('hands out each file, requested once, many at a time', async () => {
    const inner = new SlowStore();
    const pieces = await piecesOf(
      inner,
      Array.from({ length: 500 }, (_, index) => 1 + (index % 50)),
    );
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: 512 * MiB });

    for (const [index, piece] of pieces.entries()) {
      expect(await readPiece(store, piece)).toEqual(Buffer.alloc(piece.file.sizeBytes, index));
    }

    expect(inner.gets).toEqual(pieces.map(({ file }) => file.key));
    expect(inner.streams).toEqual([]);
    expect(inner.inFlightMax).toBe(LIMITS.smallFilesAheadMax);
  });

  it('never holds more bytes than the bound', async () => {
    const inner = new SlowStore();
    const size = LIMITS.smallFileBytes;
    const pieces = await piecesOf(
      inner,
      Array.from({ length: 60 }, () => size),
    );
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: LIMITS.memoryBytesMin });

    for (const [index, piece] of pieces.entries()) {
      await readPiece(store, piece);
      const heldMax = LIMITS.memoryBytesMin * LIMITS.smallFilesAheadMemoryFraction;
      expect((inner.gets.length - index - 1) * size).toBeLessThanOrEqual(heldMax);
    }

    expect(inner.inFlightMax).toBeGreaterThan(1);
  });

  it('leaves large files, parts of files and empty files to the store', async () => {
    const inner = new SlowStore();
    const [a, large, empty, b] = (await piecesOf(inner, [5, LIMITS.smallFileBytes + 1, 0, 7])) as [
      SplitPiece,
      SplitPiece,
      SplitPiece,
      SplitPiece,
    ];
    const pieces = [a, large, empty, { ...b, endBytes: 3 }, { ...b, startBytes: 3 }];
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: 512 * MiB });

    for (const piece of pieces) await readPiece(store, piece);

    expect(inner.gets).toEqual(['f0']);
    expect(inner.streams).toEqual(['f1', 'f3', 'f3']);
  });

  it('reads a file that comes twice', async () => {
    const inner = new SlowStore();
    const [a, b] = (await piecesOf(inner, [5, 6])) as [SplitPiece, SplitPiece];
    const pieces = [a, b, a, a, b];
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: 512 * MiB });

    const sizes: number[] = [];
    for (const piece of pieces) sizes.push((await readPiece(store, piece)).length);

    expect(sizes).toEqual([5, 6, 5, 5, 6]);
  });

  it('fails at the file that could not be read, not before', async () => {
    const inner = new SlowStore();
    const pieces = await piecesOf(inner, [1, 2, 3, 4]);
    inner.failing = 'f2';
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: 512 * MiB });

    await readPiece(store, pieces[0]!);
    await setImmediate();
    await readPiece(store, pieces[1]!);
    await expect(readPiece(store, pieces[2]!)).rejects.toThrow('no f2');
    expect((await readPiece(store, pieces[3]!)).length).toBe(4);
  });

  it('detects a file that changed after it was planned', async () => {
    const inner = new SlowStore();
    const pieces = await piecesOf(inner, [1, 2, 3]);
    await inner.put('f1', Buffer.from('other'));
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: 512 * MiB });

    await readPiece(store, pieces[0]!);
    await expect(readPiece(store, pieces[1]!)).rejects.toMatchObject({ name: 'PreconditionFailedError' });
  });

  it('requests nothing more once it is closed', async () => {
    const inner = new SlowStore();
    const pieces = await piecesOf(
      inner,
      Array.from({ length: 300 }, () => 10),
    );
    const store = new SmallFilesAhead(inner, { pieces, memoryBytes: 512 * MiB });
    await readPiece(store, pieces[0]!);

    store[Symbol.dispose]();
    const requested = inner.gets.length;
    await setImmediate();
    await setImmediate();

    expect(inner.gets.length).toBe(requested);
    expect(requested).toBeLessThan(100);
  });
});

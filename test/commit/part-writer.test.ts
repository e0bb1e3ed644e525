import { existsSync, readdirSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptId, jobId, taskId } from '../../src/base/ids.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { summaryOrRemovePart } from '../../src/commit/committed-part.ts';
import { attemptSummaryKey } from '../../src/commit/layout.ts';
import { PartWriter } from '../../src/commit/part-writer.ts';
import { defineJob, lines, textLines } from '../../src/index.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { environmentOf, LAYOUT, scratchFolder } from './environment.ts';

const job = defineJob({ name: 'copy', description: '', input: textLines(), map: () => {}, output: lines() });
const TASK = taskId('map', 7);
const KEY = 'out/part-m-00007.txt';

function writerFor(
  store: ObjectStore,
  { attempt = 0, scratch }: { attempt?: number; scratch?: string } = {},
) {
  return new PartWriter({
    taskId: TASK,
    attemptId: attemptId(TASK, attempt),
    environment: environmentOf(job, { store, ...(scratch === undefined ? {} : { scratch }) }),
  });
}

function append(writer: PartWriter, bytes: Uint8Array): void {
  writer.sink.reserve(bytes.length);
  writer.sink.bytes.set(bytes, writer.sink.end);
  writer.sink.end += bytes.length;
  writer.recordsWritten(1);
}

function readOf(counters: Record<string, number> = {}) {
  return {
    recordsRead: 5,
    bytesRead: 6,
    plainBytesRead: 6,
    spills: 1,
    bytesSpilled: 2,
    elapsedMs: 7,
    counters,
  };
}

function crcOf(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

const OWNER = { jobId: jobId('test'), taskId: TASK };

describe('PartWriter', () => {
  it('writes a part that fits in one request, with its summary in the metadata', async () => {
    const store = new MemoryStore();
    const writer = writerFor(store);
    append(writer, Buffer.from('one\n'));
    append(writer, Buffer.from('zwö\n'));

    const { committed, summary } = await writer.commit(
      readOf({ 'größer als 0': 3, '\u2028"\\\t\u007f😀': 1 }),
    );

    expect(committed).toBe(true);
    expect((await store.get(KEY)).toString()).toBe('one\nzwö\n');
    expect(summary).toMatchObject({
      recordsWritten: 2,
      bytesWritten: 9,
      crc32: crcOf(Buffer.from('one\nzwö\n')),
    });
    expect(await summaryOrRemovePart(store, LAYOUT, KEY, OWNER)).toEqual(withEtag(summary));
    expect(await store.head(attemptSummaryKey(LAYOUT, attemptId(TASK, 0)))).toBeUndefined();
  });

  it('preserves all counters, whether or not they fit the metadata', async () => {
    const counters = fc.dictionary(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 30 }).filter((name) => name.isWellFormed()),
        fc.constantFrom('constructor', '__proto__', 'toString'),
      ),
      fc.oneof(
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((amount) => amount + 0),
      ),
      { maxKeys: 80, size: 'max' },
    );
    let beside = 0;
    await fc.assert(
      fc.asyncProperty(counters, async (counters) => {
        const store = new MemoryStore();

        await writerFor(store).commit(readOf(counters));

        expect((await summaryOrRemovePart(store, LAYOUT, KEY, OWNER))?.counters).toEqual(
          JSON.parse(JSON.stringify(counters)),
        );
        if ((await store.head(attemptSummaryKey(LAYOUT, attemptId(TASK, 0)))) !== undefined) beside++;
      }),
      { numRuns: 1_000 },
    );
    expect(beside).toBeGreaterThan(100);
    expect(beside).toBeLessThan(1_000);
  });

  it("stores a summary that does not fit the metadata under the attempt's id", async () => {
    const store = new MemoryStore();
    const counters = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`ein Zähler: ${i}`, i]));
    const writer = writerFor(store, { attempt: 3 });
    append(writer, Buffer.from('x\n'));

    const { summary } = await writer.commit(readOf(counters));

    expect(await store.head(attemptSummaryKey(LAYOUT, attemptId(TASK, 3)))).toBeDefined();
    expect(await summaryOrRemovePart(store, LAYOUT, KEY, OWNER)).toEqual(withEtag(summary));
    expect(summary.counters).toEqual(counters);
  });

  it('sends the records piece by piece, and shows nothing before the commit', async () => {
    const store = new MemoryStore();
    const writer = writerFor(store);
    const expected: Buffer[] = [];
    let flushes = 0;

    for (let i = 0; i < 50; i++) {
      const record = Buffer.alloc(100_000, i);
      expected.push(record);
      append(writer, record);
      if (writer.wantsFlush) {
        await writer.flush();
        flushes++;
      }
    }
    const before = await store.head(KEY);
    const { summary } = await writer.commit(readOf());

    const whole = Buffer.concat(expected);
    expect(before).toBeUndefined();
    expect(flushes).toBe(Math.floor((50 * 100_000) / (11 * 100_000)));
    expect((await store.get(KEY)).equals(whole)).toBe(true);
    expect(summary).toMatchObject({ recordsWritten: 50, bytesWritten: whole.length, crc32: crcOf(whole) });
    expect(await summaryOrRemovePart(store, LAYOUT, KEY, OWNER)).toEqual(withEtag(summary));
  });

  it('stores more than fits into memory between two flushes in a local file', async () => {
    using scratch = scratchFolder();
    const store = new MemoryStore();
    const writer = writerFor(store, { scratch: scratch.path });
    const expected: Buffer[] = [];
    const add = (bytes: number, fill: number): void => {
      const record = Buffer.alloc(bytes, fill);
      expected.push(record);
      append(writer, record);
    };

    for (let i = 0; i < 40; i++) add(1 * MiB + i, i);
    const held = writer.sink.bytes.length;
    const wanted = writer.wantsFlush;
    await writer.flush();
    const afterFlush = readdirSync(scratch.path);
    add(3, 50);
    for (let i = 60; i < 72; i++) add(1 * MiB, i);
    const { summary } = await writer.commit(readOf());

    const whole = Buffer.concat(expected);
    expect(held).toBeLessThan(2 * (LIMITS.partOverflowBytes + 2 * MiB));
    expect(wanted).toBe(true);
    expect(afterFlush).toEqual([]);
    expect(readdirSync(scratch.path)).toEqual([]);
    expect((await store.get(KEY)).equals(whole)).toBe(true);
    expect(summary).toMatchObject({ bytesWritten: whole.length, crc32: crcOf(whole) });
  });

  it('removes its local file when it is aborted, and leaves no part behind', async () => {
    using scratch = scratchFolder();
    const store = new MemoryStore();
    const writer = writerFor(store, { scratch: scratch.path });
    await writer.flush();
    for (let i = 0; i < 20; i++) append(writer, Buffer.alloc(1 * MiB));
    expect(existsSync(`${scratch.path}/overflow`)).toBe(true);

    await writer.abort();

    expect(readdirSync(scratch.path)).toEqual([]);
    expect(await store.head(KEY)).toBeUndefined();
  });

  it('lets exactly one of several attempts commit, whichever way each of them writes', async () => {
    const flushes = [false, true];
    for (const firstFlushes of flushes) {
      for (const secondFlushes of flushes) {
        const store = new MemoryStore();
        const attempts = [firstFlushes, secondFlushes].map((isFlushed, attempt) => ({
          isFlushed,
          writer: writerFor(store, { attempt }),
        }));
        for (const { writer, isFlushed } of attempts) {
          append(writer, Buffer.from('same\n'));
          if (isFlushed) await writer.flush();
        }

        const results = await Promise.all(attempts.map(({ writer }) => writer.commit(readOf({ a: 1 }))));

        const winner = results.find(({ committed }) => committed)!;
        expect(results.filter(({ committed }) => committed).length).toBe(1);
        expect(await summaryOrRemovePart(store, LAYOUT, KEY, OWNER)).toEqual(withEtag(winner.summary));
        expect((await store.get(KEY)).toString()).toBe('same\n');
      }
    }
  });
});

/** Reads the summary of the committed part back. */
function withEtag(summary: TaskSummary): TaskSummary {
  return { ...summary, etag: expect.any(String) };
}

describe('summaryOrRemovePart()', () => {
  it('returns undefined if there is no part', async () => {
    expect(await summaryOrRemovePart(new MemoryStore(), LAYOUT, KEY, OWNER)).toBeUndefined();
  });

  it('rejects an object that no job wrote', async () => {
    const store = new MemoryStore();
    await store.put(KEY, Buffer.from('x'));

    await expect(summaryOrRemovePart(store, LAYOUT, KEY, OWNER)).rejects.toThrow(
      'memory://store/out/part-m-00007.txt was not written by this job. Choose an output that nothing else writes to',
    );
  });

  it.each<[string, (store: MemoryStore) => Promise<unknown>]>([
    ['has expired', (store) => store.delete(['work/attempts/m-00007.1.json'])],
    ['is damaged', (store) => store.put('work/attempts/m-00007.1.json', Buffer.from('{"taskId":'))],
  ])('removes a part whose summary, stored apart, %s', async (_, harm) => {
    const store = new MemoryStore();
    const metadata = { 'mapreduce-job': 'test', 'mapreduce-attempt': 'm-00007.1' };
    await store.put('work/attempts/m-00007.1.json', Buffer.from('{"taskId":"m-00007","bytesWritten":1}'));
    await store.put(KEY, Buffer.from('x'), { metadata });
    const before = await summaryOrRemovePart(store, LAYOUT, KEY, OWNER);

    await harm(store);

    expect(before).toMatchObject({ taskId: 'm-00007' });
    expect(await summaryOrRemovePart(store, LAYOUT, KEY, OWNER)).toBeUndefined();
    expect(await store.head(KEY)).toBeUndefined();
  });
});

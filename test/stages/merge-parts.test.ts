import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { KiB } from '../../src/base/limits.ts';
import { byRange, defineJob, lines, textLines } from '../../src/index.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { StreamOptions, Upload } from '../../src/storage/object-store.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import { scratchOfFile } from '../commit/environment.ts';
import { runSmallJob } from '../commit/small-job.ts';
import { FakeS3 } from '../storage/s3/s3-fake-service.ts';

const scratch = scratchOfFile();

const COMMON = {
  description: '',
  input: textLines(),
  key: 'string',
  value: 'string',
  map: (line: string, { emit }: { emit: (key: string, value: string) => void }) => emit(line, line),
  reduce: 'each',
  output: lines(),
} as const;
const byHash = defineJob({ ...COMMON, name: 'by-hash' });
const inOrder = defineJob({ ...COMMON, name: 'in-order', partition: byRange() });

/** Unsorted lines of 4 KiB. */
const LINES = Array.from({ length: 6_500 }, (_, i) =>
  `${(i * 7_919) % 6_500}`.padStart(5, '0').padEnd(4 * KiB, '.'),
);

/** Truncates the part of reducer 1, or flips one of its bits, after the barrier has checked it. */
class DamagingStore extends MemoryStore {
  damage: 'cut' | 'flipped' | undefined;
  readonly #damaged = 'work/merge/r-00001';
  #heads = 0;

  override async head(key: string) {
    const info = await super.head(key);
    return info !== undefined && key === this.#damaged && this.damage === 'cut' && ++this.#heads > 1
      ? { ...info, sizeBytes: info.sizeBytes - 1 }
      : info;
  }

  override async *stream(key: string, options?: StreamOptions) {
    for await (const chunk of super.stream(key, options)) {
      if (key === this.#damaged && this.damage === 'flipped') chunk[chunk.length >> 1]! ^= 1;
      yield chunk;
    }
  }
}

describe('a damaged part of an ordered result', () => {
  it.each(['cut', 'flipped'] as const)(
    '%s: the merge names its task, and publishes nothing',
    async (damage) => {
      const store = new DamagingStore();
      await store.put('in/lines.txt', Buffer.from(LINES.slice(0, 100).join('\n')));
      store.damage = damage;

      const run = runSmallJob({ job: inOrder, store, scratch: scratch.path, reducers: 2, merge: true });

      await expect(run).rejects.toMatchObject({
        name: 'CorruptShuffleError',
        details: { toRepair: 'r-00001' },
      });
      expect(await store.head('out/merged.txt')).toBeUndefined();
    },
  );
});

/** A store that copies objects itself. It records how many further objects each caller announced. */
class CopyingStore extends MemoryStore {
  readonly following: (number | undefined)[] = [];

  override async upload(...args: Parameters<MemoryStore['upload']>) {
    const upload: Upload = await super.upload(...args);
    upload.append = async ({ key }, { following } = {}) => {
      this.following.push(following);
      await upload.write(await this.get(key));
    };
    return upload;
  }
}

describe('a merge of ordered parts', () => {
  it('announces to the store how many parts follow, so that it can decide whether to copy each', async () => {
    const store = new CopyingStore();
    await store.put('in/lines.txt', Buffer.from(LINES.slice(0, 100).join('\n')));

    await runSmallJob({ job: inOrder, store, scratch: scratch.path, reducers: 4, merge: true });

    expect(store.following).toEqual([3, 2, 1, 0]);
  });
});

describe('a merged result on S3', () => {
  it('is the same whether S3 copies ordered parts or runs are merged; copying reads no byte of a part', async () => {
    const merged: Buffer[] = [];
    for (const job of [byHash, inOrder]) {
      const s3 = new FakeS3();
      const store = new S3Store({ client: s3.client(), bucket: 'bucket' });
      await store.put('in/lines.txt', Buffer.from(LINES.map((line) => `${line}\n`).join('')));

      const { report } = await runSmallJob({ job, store, scratch: scratch.path, reducers: 2, merge: true });

      const bytes = await store.get('out/merged.txt');
      expect(report.parts).toEqual([
        {
          name: 'merged.txt',
          records: LINES.length,
          bytes: bytes.length,
          crc32: crc32(bytes).toString(16).padStart(8, '0'),
        },
      ]);
      const isPart = ({ key }: { key: string }) => /merge\/r-/.test(key);
      const reads = s3.requests.filter(({ operation }) => operation === 'GetObject').filter(isPart);
      expect([job.name, reads.length > 0, s3.count('UploadPartCopy')]).toEqual(
        job === inOrder ? ['in-order', false, 2] : ['by-hash', true, 0],
      );
      merged.push(bytes);
    }

    expect(merged[0]!.equals(merged[1]!)).toBe(true);
    expect(merged[0]!.toString()).toBe(
      LINES.toSorted()
        .map((line) => `${line}\n`)
        .join(''),
    );
  });
});

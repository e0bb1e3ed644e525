/** Rates, splits, latencies and counts of the simulated S3. */
import { describe, expect, it } from 'vitest';
import { SimulatedS3, type SimulatedS3Options } from '../../../simulation/s3/s3.ts';
import { bytesOf, contentOf, zeros } from '../../../simulation/s3/stored-bytes.ts';
import { type VirtualWorld, virtualWorld } from '../../../simulation/world.ts';
import { MiB } from '../../../src/base/limits.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';

function setUp(options: Partial<SimulatedS3Options> = {}): {
  world: VirtualWorld;
  s3: SimulatedS3;
  storeOf: () => S3Store;
} {
  const world = virtualWorld(1);
  const { clock, random } = world;
  const s3 = new SimulatedS3({ clock, random, ...options });
  s3.createBucket('bucket');
  const storeOf = () => new S3Store({ bucket: 'bucket', client: s3.client(), clock, random });
  return { world, s3, storeOf };
}

describe('the simulated S3', () => {
  it('answers half of the GETs within 27 ms, and 95 % within 75 ms', async () => {
    const { world, s3, storeOf } = setUp();
    s3.bucket('bucket').put('a', bytesOf(Buffer.alloc(10)));
    const store = storeOf();
    const latencies: number[] = [];

    for (let request = 0; request < 2_000; request++) {
      const startMs = world.clock.nowMs();
      await world.clock.run(store.get('a'));
      latencies.push(world.clock.nowMs() - startMs);
    }

    latencies.sort((a, b) => a - b);
    expect(latencies[1_000]).toBeGreaterThan(25);
    expect(latencies[1_000]).toBeLessThan(29);
    expect(latencies[1_900]).toBeGreaterThan(68);
    expect(latencies[1_900]).toBeLessThan(82);
  });

  it('serves no more than its rate, and refuses the rest', async () => {
    const { world, s3, storeOf } = setUp({ partitions: { readsPerSecond: 100 } });
    s3.bucket('bucket').put('a', bytesOf(Buffer.alloc(10)));
    const stores = Array.from({ length: 10 }, storeOf);

    const reads = stores.map(async (store) => {
      for (let read = 0; read < 100; read++) await store.get('a');
    });
    await world.clock.run(Promise.all(reads));

    expect(s3.log.charged.GetObject).toBe(1_000);
    expect(s3.log.throttled).toBeGreaterThan(0);
    expect(s3.log.peakPerSecond).toBeLessThanOrEqual(110 + 10);
    expect(world.clock.nowMs()).toBeGreaterThan(9_500);
  });

  it('splits a partition that stays busy, so that the bucket has twice the rate', async () => {
    const { world, s3, storeOf } = setUp({ partitions: { readsPerSecond: 50, splitAfterMs: 10_000 } });
    for (let key = 0; key < 100; key++) s3.bucket('bucket').put(`key-${key}`, bytesOf(Buffer.alloc(1)));
    const stores = Array.from({ length: 40 }, storeOf);
    let isOver = false;
    const reads = stores.map(async (store, index) => {
      for (let read = index; !isOver; read += 7) await store.get(`key-${read % 100}`);
    });

    await world.clock.run(world.clock.sleep(50_000));
    isOver = true;
    await world.clock.run(Promise.all(reads));

    const rate = (from: number, to: number) =>
      s3.log.perSecond.slice(from, to).reduce((sum, count) => sum + count, 0) / (to - from);
    expect(s3.partitionsOf('bucket')).toBeGreaterThanOrEqual(4);
    expect(rate(2, 10)).toBeLessThan(60);
    expect(rate(40, 50)).toBeGreaterThan(120);
  });

  it('does not split for one key', async () => {
    const { world, s3, storeOf } = setUp({ partitions: { readsPerSecond: 50, splitAfterMs: 5_000 } });
    s3.bucket('bucket').put('a', bytesOf(Buffer.alloc(10)));
    const stores = Array.from({ length: 20 }, storeOf);

    const reads = stores.map(async (store) => {
      for (let read = 0; read < 50; read++) await store.get('a');
    });
    await world.clock.run(Promise.all(reads));

    expect(s3.partitionsOf('bucket')).toBe(1);
  });

  it('takes time for bytes, and keeps no bytes of objects that are only a size', async () => {
    const { world, s3, storeOf } = setUp();
    s3.bucket('bucket').put('large', zeros(256 * MiB));
    const store = storeOf();
    let bytes = 0;

    const read = async () => {
      for await (const chunk of store.stream('large')) bytes += chunk.length;
    };
    await world.clock.run(read());

    expect(bytes).toBe(256 * MiB);
    // Three ranges at once, each at the speed of a connection.
    expect(world.clock.nowMs()).toBeGreaterThan((256 * MiB) / (3 * 85e3));
    expect(s3.log.bytesRead).toBe(256 * MiB);
  });

  it('keeps the bytes that were written, whatever the caller does with its memory', async () => {
    const { world, s3, storeOf } = setUp();
    const body = Buffer.alloc(20 * MiB, 'a');
    const upload = await storeOf().upload('a');
    const written = async () => {
      await upload.write(body);
      body.fill('b');
      await upload.complete();
    };

    await world.clock.run(written());

    const { bytes } = s3.bucket('bucket').get('a');
    expect(contentOf(bytes).equals(Buffer.alloc(20 * MiB, 'a'))).toBe(true);
    expect(s3.log.counts).toEqual({ CreateMultipartUpload: 1, UploadPart: 3, CompleteMultipartUpload: 1 });
  });
});

import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { readAheadBytes } from '../../../src/aws/model/function-memory.ts';
import { KiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { S3_LIMITS, type S3Limits } from '../../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { FakeClock } from '../../local/schedule/fake-clock.ts';
import { contentOf, noise } from '../object-store-contract.ts';
import {
  cutsBodyAfter,
  FakeS3,
  type Fault,
  hangs,
  held,
  lostRequest,
  refuses,
  slowDown,
  stallsBodyAfter,
} from './s3-fake-service.ts';

/** Before its first request in a process the SDK reads files, which takes real time. */
beforeAll(async () => {
  const s3 = new FakeS3();
  put(s3, 'key', Buffer.from('x'));
  await s3.client().send(new HeadObjectCommand({ Bucket: 'bucket', Key: 'key' }));
});

interface Setup {
  s3: FakeS3;
  clock: FakeClock;
  store: S3Store;
}

function setUp({
  limits = {},
  random = () => 1,
}: {
  limits?: Partial<S3Limits>;
  random?: () => number;
} = {}): Setup {
  const s3 = new FakeS3();
  const clock = new FakeClock();
  return { s3, clock, store: new S3Store({ client: s3.client(), bucket: 'bucket', clock, random, limits }) };
}

/** The body is cut, and the object is replaced before the rest is read. */
function replacedWhileRead(s3: FakeS3, version: number): Fault {
  return (perform, request) => {
    const answer = cutsBodyAfter(50_000)(perform, request);
    s3.objects.set('key', { bytes: noise(100_000, version), etag: `"key-${version}"`, metadata: {} });
    return answer;
  };
}

/** Moves the clock only when nothing else can happen. The promise's value, and how long it took. */
async function until<T>(clock: FakeClock, promise: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const startedMs = clock.nowMs();
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  for (let turn = 1; !settled; turn++) {
    await nextTurn();
    if (turn % 30 === 0) await clock.advance(10);
    if (clock.nowMs() - startedMs > 3_600_000) throw new Error('nothing happened for an hour');
  }
  return { value: await promise, tookMs: clock.nowMs() - startedMs };
}

function put(s3: FakeS3, key: string, bytes: Buffer): void {
  s3.objects.set(key, { bytes, etag: `"${key}-1"`, metadata: {} });
}

function ranges(s3: FakeS3): (string | undefined)[] {
  return s3.requests.filter(({ operation }) => operation === 'GetObject').map(({ headers }) => headers.range);
}

describe('a truncated body', () => {
  it('is continued where it ended, from the same version', async () => {
    const { s3, clock, store } = setUp();
    const bytes = noise(100_000, 1);
    put(s3, 'key', bytes);
    s3.on('GetObject', cutsBodyAfter(30_000), cutsBodyAfter(1_000));

    const { value } = await until(clock, store.get('key', { range: { start: 10, end: 90_000 } }));

    expect(value.equals(bytes.subarray(10, 90_000))).toBe(true);
    expect(ranges(s3)).toEqual(['bytes=10-89999', 'bytes=30010-89999', 'bytes=31010-89999']);
    expect(s3.requests.map(({ headers }) => headers['if-match'])).toEqual([undefined, '"key-1"', '"key-1"']);
  });

  it('is continued if a whole object was requested', async () => {
    const { s3, clock, store } = setUp();
    const bytes = noise(100_000, 1);
    put(s3, 'key', bytes);
    s3.on('GetObject', cutsBodyAfter(64_000));

    const { value } = await until(clock, store.get('key'));

    expect(value.equals(bytes)).toBe(true);
    expect(ranges(s3)).toEqual([undefined, 'bytes=64000-']);
  });

  it('is continued if it stalls', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', noise(100_000, 1));
    s3.on('GetObject', stallsBodyAfter(50_000));

    const { value, tookMs } = await until(clock, contentOf(store.stream('key')));

    expect(value.equals(noise(100_000, 1))).toBe(true);
    expect(tookMs).toBeGreaterThanOrEqual(15_000);
    expect(tookMs).toBeLessThan(31_000);
    expect(s3.count('GetObject')).toBe(2);
  });

  it('fails with a retryable error if it makes no progress', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', noise(100_000, 1));
    s3.on('GetObject', ...Array.from({ length: 8 }, () => cutsBodyAfter(0)));

    await expect(until(clock, contentOf(store.stream('key')))).rejects.toMatchObject({
      name: 'StorageError',
      retryable: true,
      message: expect.stringMatching(/GetObject of s3:\/\/bucket\/key failed after 8 attempts/),
      details: { objectKey: 'key' },
    });
  });

  it('is not completed with bytes of another version', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', noise(100_000, 1));
    s3.on('GetObject', replacedWhileRead(s3, 2));

    const read = until(clock, store.get('key', { ifMatch: '"key-1"' }));

    await expect(read).rejects.toMatchObject({
      name: 'PreconditionFailedError',
      message: expect.stringMatching(/expected ETag "key-1", found "key-2"/),
    });
  });

  it('without a condition is read again if it was replaced meanwhile, a bounded number of times', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', noise(100_000, 1));
    s3.on('GetObject', replacedWhileRead(s3, 2), (perform) => perform());

    const { value } = await until(clock, store.get('key'));

    expect(value.equals(noise(100_000, 2))).toBe(true);
    for (let version = 3; version < 20; version++) {
      s3.on('GetObject', replacedWhileRead(s3, version), (perform) => perform());
    }
    await expect(until(clock, store.get('key'))).rejects.toMatchObject({ name: 'PreconditionFailedError' });
  });

  it('with a wrong checksum is read again from its start', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', noise(300_000, 1));
    const damaged: Fault = (perform) => {
      const answer = perform();
      // The CRC-32 of other bytes; and all bytes are there for a while before the answer ends.
      const body = new Readable({ read() {} });
      body.push(answer.body as Buffer);
      setImmediate(() => setImmediate(() => body.push(null)));
      return { ...answer, body, headers: { ...answer.headers, 'x-amz-checksum-crc32': 'AAAAAA==' } };
    };
    s3.on('GetObject', damaged, damaged);

    const { value } = await until(clock, store.get('key'));

    expect(value.equals(noise(300_000, 1))).toBe(true);
    expect(ranges(s3)).toEqual([undefined, undefined, undefined]);
  });
});

describe('requests with passing failures', () => {
  it.each([
    // 100 + 200 + 400 + 800 + 3 * 1000: the rate decreases as well.
    ['503 SlowDown', 4_500, slowDown],
    // 100 + 200 + 400 + 800 + 1600 + 3200 + 5000.
    ['500 InternalError', 11_300, refuses(500, 'InternalError')],
    ['400 RequestTimeout', 11_300, refuses(400, 'RequestTimeout')],
    ['a connection that breaks', 11_300, lostRequest],
  ])(
    'are sent again after %s, seven times with growing pauses of together %i ms',
    async (_, pausesMs, fault) => {
      const { s3, clock, store } = setUp();
      put(s3, 'key', Buffer.from('x'));
      s3.on('HeadObject', ...Array.from({ length: 7 }, () => fault));

      const { value, tookMs } = await until(clock, store.head('key'));

      expect(value?.sizeBytes).toBe(1);
      expect(tookMs).toBeGreaterThanOrEqual(pausesMs);
      expect(tookMs).toBeLessThan(pausesMs + 200);
      expect(s3.faultsLeft).toBe(0);
    },
  );

  it('fail after eight attempts', async () => {
    const { s3, clock, store } = setUp();
    s3.on('HeadObject', ...Array.from({ length: 8 }, () => refuses(500, 'InternalError')));

    await expect(until(clock, store.head('key'))).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringMatching(/after 8 attempts: .*HTTP 500/),
    });
  });

  it('pause for a random fraction of the time, so that tasks do not retry together', async () => {
    const { s3, clock, store } = setUp({ random: () => 0.5 });
    put(s3, 'key', Buffer.from('x'));
    s3.on('HeadObject', slowDown, slowDown);

    const { tookMs } = await until(clock, store.head('key'));

    expect(tookMs).toBeGreaterThanOrEqual(150);
    expect(tookMs).toBeLessThan(200);
  });

  it('include one without a response', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', Buffer.from('x'));
    s3.on('HeadObject', hangs);

    const { value, tookMs } = await until(clock, store.head('key'));

    expect(value?.sizeBytes).toBe(1);
    expect(tookMs).toBeGreaterThanOrEqual(30_000);
  });

  it('include a response with other bytes than requested', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', Buffer.from('0123456789'));
    s3.on('GetObject', (perform) => ({
      ...perform(),
      headers: { 'content-range': 'bytes 0-3/10', 'content-length': '4' },
    }));

    const { value } = await until(clock, store.get('key', { range: { start: 2, end: 6 } }));

    expect(value.toString()).toBe('2345');
    expect(s3.count('GetObject')).toBe(2);
  });
});

describe('a stream', () => {
  it('reads one version, even if the object is replaced meanwhile', async () => {
    const { s3, store } = setUp({ limits: { readRangeBytes: KiB } });
    put(s3, 'key', noise(10 * KiB, 1));
    const chunks = store.stream('key', { chunkSizeBytes: KiB });
    await chunks.next();

    s3.objects.set('key', { bytes: noise(10 * KiB, 2), etag: '"key-2"', metadata: {} });

    await expect(contentOf(chunks)).rejects.toMatchObject({ name: 'PreconditionFailedError' });
  });

  it('reads large ranges if it is alone, and no more than requested', async () => {
    const { s3, clock, store } = setUp({ limits: { readAheadBytes: 100 * MiB } });
    put(s3, 'key', noise(35 * MiB, 1));

    await until(clock, contentOf(store.stream('key', { range: { start: 100, end: 34 * MiB } })));

    const { readRangeBytes } = S3_LIMITS;
    expect(ranges(s3)).toEqual([
      `bytes=100-${readRangeBytes + 99}`,
      `bytes=${readRangeBytes + 100}-${2 * readRangeBytes + 99}`,
      `bytes=${2 * readRangeBytes + 100}-${34 * MiB - 1}`,
    ]);
  });

  it.each([
    [1_769, 4],
    [512, 8],
  ])(
    'of a split of 64 MiB, with the chunk after it, in a function of %i MB, is %i requests',
    async (functionMb, requests) => {
      const { s3, clock, store } = setUp({ limits: { readAheadBytes: readAheadBytes(functionMb * MiB) } });
      put(s3, 'key', Buffer.alloc(65 * MiB));
      const end = LIMITS.splitSizeBytesDefault + LIMITS.inputChunkBytes;

      await until(clock, contentOf(store.stream('key', { range: { start: 0, end } })));

      expect(ranges(s3)).toHaveLength(requests);
    },
  );

  it.each([16 * KiB + 1, 20 * KiB, 47 * KiB, 48 * KiB, 100 * KiB, 101 * KiB])(
    'of %i bytes, one of the most runs a merge opens, is one request if it fits its share or three chunks',
    async (lengthBytes) => {
      const { s3, clock, store } = setUp();
      put(s3, 'key', noise(MiB, 1));
      const range = { start: 1_000, end: 1_000 + lengthBytes };

      const { value } = await until(
        clock,
        contentOf(store.stream('key', { range, chunkSizeBytes: 16 * KiB })),
      );

      expect(value.equals(noise(MiB, 1).subarray(range.start, range.end))).toBe(true);
      // 50 MiB of read-ahead for 512 runs are 100 KiB each.
      const inOne = lengthBytes <= 100 * KiB;
      expect(ranges(s3).length === 1).toBe(inOne);
    },
  );

  it('that fits in three chunks is one request even if others use all of the read-ahead', async () => {
    const { s3, clock, store } = setUp({ limits: { readAheadBytes: 0 } });
    put(s3, 'key', noise(MiB, 1));
    const range = { start: 0, end: 40 * KiB };

    await until(clock, contentOf(store.stream('key', { range, chunkSizeBytes: 16 * KiB })));

    expect(ranges(s3)).toEqual([`bytes=0-${40 * KiB - 1}`]);
  });

  it('is one request for each run of a merge with the maximum number of runs, while they share the read-ahead', async () => {
    const { s3, clock, store } = setUp();
    put(s3, 'key', noise(MiB, 1));
    const runs = Array.from({ length: LIMITS.openRunsMax }, () =>
      store.stream('key', { range: { start: 0, end: 96 * KiB }, chunkSizeBytes: 16 * KiB }),
    );

    await until(clock, Promise.all(runs.map((run) => run.next())));
    await until(clock, Promise.all(runs.map((run) => contentOf(run))));

    expect(ranges(s3)).toHaveLength(LIMITS.openRunsMax);
  });

  it('reads ranges of its chunk size if many are open', async () => {
    const { s3, store } = setUp({ limits: { readAheadBytes: 6 * MiB } });
    put(s3, 'key', noise(4 * MiB, 1));
    const open = Array.from({ length: 100 }, () => store.stream('key', { chunkSizeBytes: 64 * KiB }));

    await Promise.all(open.map((chunks) => chunks.next()));
    await Promise.all(open.map((chunks) => chunks.return?.()));
    const sizes = s3.requests.map(({ headers }) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers.range!)!;
      return Number(to) + 1 - Number(from);
    });

    const heldBytes = sizes.slice(0, 100).reduce((sum, size) => sum + 3 * size, 0);
    expect(heldBytes).toBeLessThanOrEqual(6 * MiB + 100 * 3 * 64 * KiB);
    expect(sizes.filter((size) => size === 64 * KiB).length).toBeGreaterThan(90);
  });

  it('returns its share of the read-ahead, also if its reader stops early', async () => {
    const { s3, clock, store } = setUp({ limits: { readAheadBytes: 6 * MiB, readRangeBytes: MiB } });
    put(s3, 'key', noise(4 * MiB, 1));

    for (let round = 0; round < 5; round++) {
      for await (const _chunk of store.stream('key')) break;
      await until(clock, contentOf(store.stream('key')));
    }

    expect(ranges(s3).filter((range) => range === `bytes=0-${MiB - 1}`)).toHaveLength(10);
  });

  it('aborts its requests when its reader stops', async () => {
    const { s3, store } = setUp({ limits: { readRangeBytes: KiB } });
    put(s3, 'key', noise(10 * KiB, 1));
    const { fault, release } = held();
    s3.on('GetObject', (perform) => perform(), fault, fault);
    const chunks = store.stream('key', { chunkSizeBytes: KiB });
    await chunks.next();

    await chunks.return?.();

    expect(s3.count('GetObject')).toBe(3);
    expect(s3.aborted).toHaveLength(2);
    release();
  });

  it('yields chunks while the rest of their range is still arriving', async () => {
    const { s3, store } = setUp();
    put(s3, 'key', noise(MiB, 1));
    s3.on('GetObject', stallsBodyAfter(600 * KiB));
    const chunks = store.stream('key', { chunkSizeBytes: 256 * KiB });

    const sizes = [(await chunks.next()).value?.length, (await chunks.next()).value?.length];

    expect(sizes).toEqual([256 * KiB, 256 * KiB]);
    await chunks.return?.();
  });
});

describe('a slow read', () => {
  async function warm({ s3, store }: Setup, reads = 32): Promise<void> {
    put(s3, 'key', Buffer.from('bytes'));
    for (let read = 0; read < reads; read++) await store.get('key');
    s3.requests.length = 0;
  }

  it('is overtaken by a second one after 200 ms if other reads are fast', async () => {
    const setup = setUp();
    await warm(setup);
    setup.s3.on('GetObject', hangs);

    const { value, tookMs } = await until(setup.clock, setup.store.get('key'));

    expect(value.toString()).toBe('bytes');
    expect(tookMs).toBeGreaterThanOrEqual(200);
    expect(tookMs).toBeLessThan(250);
    expect(setup.s3.count('GetObject')).toBe(2);
    expect(setup.s3.aborted).toEqual([setup.s3.requests[0]]);
  });

  it('waits longer while the latency of other reads is unknown', async () => {
    const setup = setUp();
    await warm(setup, 3);
    setup.s3.on('GetObject', hangs);

    const { tookMs } = await until(setup.clock, setup.store.get('key'));

    expect(tookMs).toBeGreaterThanOrEqual(1_000);
    expect(tookMs).toBeLessThan(1_050);
  });

  it('waits longer if one in eight of the other reads is slow too', async () => {
    const setup = setUp({ limits: { hedgesBurstMax: 100 } });
    put(setup.s3, 'key', Buffer.from('bytes'));
    for (let read = 0; read < 48; read++) {
      setup.s3.on('GetObject', async (perform) => {
        await new Promise<void>((resolve) => setup.clock.after(read % 8 === 7 ? 650 : 20, resolve));
        return perform();
      });
      await until(setup.clock, setup.store.get('key'));
    }
    setup.s3.on('GetObject', hangs);

    const { value, tookMs } = await until(setup.clock, setup.store.get('key'));

    expect(value.toString()).toBe('bytes');
    expect(tookMs).toBeGreaterThanOrEqual(600);
    expect(tookMs).toBeLessThan(750);
  });

  it('still wins if it responds before the second one', async () => {
    const setup = setUp();
    await warm(setup);
    const { fault, release } = held();
    setup.s3.on('GetObject', fault, hangs);
    setup.clock.after(300, release);

    const { value } = await until(setup.clock, setup.store.get('key'));

    expect(value.toString()).toBe('bytes');
    expect(setup.s3.count('GetObject')).toBe(2);
  });

  it('does not fail because the second one fails', async () => {
    const setup = setUp();
    await warm(setup);
    const { fault, release } = held();
    setup.s3.on('GetObject', fault, slowDown);
    setup.clock.after(300, release);

    const { value } = await until(setup.clock, setup.store.get('key'));

    expect(value.toString()).toBe('bytes');
    expect(setup.s3.count('GetObject')).toBe(2);
  });

  it('has a second one only in a burst of four, then once in twenty reads', async () => {
    const setup = setUp();
    await warm(setup);
    const slow: Fault = async (perform) => {
      await new Promise<void>((resolve) => setup.clock.after(250, resolve));
      return perform();
    };

    for (let read = 0; read < 100; read++) {
      setup.s3.on('GetObject', slow, slow);
      await until(setup.clock, setup.store.get('key'));
    }

    const hedges = setup.s3.count('GetObject') - 100;
    expect(hedges).toBeGreaterThanOrEqual(4);
    expect(hedges).toBeLessThanOrEqual(4 + 100 / 20 + 1);
  });

  it('has no second one while S3 throttles', async () => {
    const setup = setUp();
    await warm(setup);
    setup.s3.on('GetObject', slowDown);
    await until(setup.clock, setup.store.get('key'));
    setup.s3.requests.length = 0;
    setup.s3.on('GetObject', hangs);

    const { tookMs } = await until(setup.clock, setup.store.get('key'));

    expect(tookMs).toBeGreaterThanOrEqual(30_000);
  });
});

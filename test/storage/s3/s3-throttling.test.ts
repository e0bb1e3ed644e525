/** Jobs and requests that ask S3 for more than it gives, in virtual time: each function has a store of its own, as on Lambda. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { bytesOf } from '../../../simulation/s3/stored-bytes.ts';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { KiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { mapBounded } from '../../../src/base/map-bounded.ts';
import { createS3Client } from '../../../src/storage/s3/s3-client.ts';
import type { S3Operation } from '../../../src/storage/s3/s3-errors.ts';
import type { S3Limits } from '../../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { FakeS3, type Fault, hangs, held, refuses, slowDown } from './s3-fake-service.ts';
import { maps, run, shuffle } from './s3-rate-scenarios.ts';
import { BUCKET, everyRequest, s3WithRates } from './s3-rates.ts';

const SEED = 7;

describe('processes that together send more requests than S3 allows', () => {
  it('250 map tasks and 25 reducers at 1,375 GETs per second: nothing fails, and little time is lost', async () => {
    const outcome = await run(
      shuffle(
        { maps: 250, reducers: 25, cellBytes: 4 * KiB },
        { name: 'shuffle', partitions: [everyRequest(1_375, 138)], idealMs: 4_545 },
      ),
      SEED,
    );

    expect(outcome.failures).toEqual([]);
    // Each cell is one GET; nothing is read twice.
    expect(outcome.served).toBe(250 * 25);
    expect(outcome.refused).toBeGreaterThan(0);
    expect(outcome.refused).toBeLessThan(outcome.served / 2);
    expect(outcome.elapsedMs).toBeLessThan(1.5 * outcome.idealMs);
    expect(outcome.lastEndMs).toBeLessThan(2 * outcome.medianEndMs);
  });

  it('100 processes with 30 conditional PUTs each at 350 per second', async () => {
    const outcome = await run(
      maps(
        { tasks: 100, reads: 0, parts: 0, puts: 30 },
        { name: 'PUTs', partitions: [everyRequest(350, 35)], idealMs: 8_571 },
      ),
      SEED,
    );

    expect(outcome.failures).toEqual([]);
    expect(outcome.served).toBe(3_000);
    expect(outcome.refused).toBeGreaterThan(0);
    expect(outcome.elapsedMs).toBeLessThan(1.5 * outcome.idealMs);
  });

  it('an S3 that gets slow instead: the requests do not wait in its queue until they time out', async () => {
    const outcome = await run(
      shuffle(
        { maps: 100, reducers: 20, cellBytes: 1 * KiB },
        { name: 'queue', partitions: [{ ...everyRequest(30, 0), queues: true }], idealMs: 66_667 },
      ),
      SEED,
    );

    expect(outcome.failures).toEqual([]);
    expect(outcome.refused).toBe(0);
    // The first requests of all processes, 20 x 64, wait for up to 43 s, so that a third of them times out.
    expect(outcome.elapsedMs).toBeLessThan(1.5 * outcome.idealMs);
    expect(outcome.served).toBeLessThan(1.5 * 2_000);
  });

  it('do not wait if S3 allows everything', async () => {
    const outcome = await run(
      shuffle({ maps: 100, reducers: 20, cellBytes: 1 * KiB }, { name: 'free', partitions: [], idealMs: 1 }),
      SEED,
    );

    // Two rounds of 64 and 36 requests.
    expect(outcome.elapsedMs).toBeLessThan(700);
  });
});

describe('a barrier that reads 10,000 footers at 500 GETs per second', () => {
  it('takes no longer than the rate requires', async () => {
    const clock = new VirtualClock();
    const s3 = s3WithRates({ clock, partitions: [everyRequest(500, 5)], seed: SEED });
    const bucket = s3.bucket(BUCKET);
    for (let map = 0; map < 10_000; map++) bucket.put(`shuffle/${map}`, bytesOf(Buffer.from(String(map))));
    const store = new S3Store({ client: s3.client(), bucket: BUCKET, clock, random: seededRandom(SEED) });

    const read = async () => {
      const keys: string[] = [];
      for await (const { key } of store.list('shuffle/')) keys.push(key);
      return await mapBounded(keys, LIMITS.barrierReadsMax, async (key) => (await store.get(key)).toString());
    };
    const footers = await clock.run(read());

    expect(footers.map(Number).sort((a, b) => a - b)).toEqual([...Array(10_000).keys()]);
    expect(s3.log.throttled).toBeGreaterThan(8);
    expect(s3.log.throttled).toBeLessThan(1_000);
    expect(clock.nowMs()).toBeLessThan(1.5 * 20_000);
  });
});

// Below here each request goes through the SDK.

interface Setup {
  readonly s3: FakeS3;
  readonly clock: VirtualClock;
  readonly store: S3Store;
}

function setUp(limits: Partial<S3Limits> = {}): Setup {
  const s3 = new FakeS3();
  const clock = new VirtualClock({ turns: 25 });
  const store = new S3Store({ client: s3.client(), bucket: 'bucket', clock, random: () => 1, limits });
  return { s3, clock, store };
}

/** Before its first request in a process the SDK reads files, which takes real time. */
beforeAll(async () => {
  const { store } = setUp();
  await store.put('key', Buffer.from('x'));
});

const times = (count: number, fault: Fault) => Array.from({ length: count }, () => fault);
const failing = (error: unknown) => {
  throw error;
};
const failureOf = async (clock: VirtualClock, promise: Promise<unknown>): Promise<MapReduceError> => {
  const error = await clock.run(
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  return error instanceof MapReduceError ? error : failing(error ?? new Error('it did not fail'));
};

/** Completing calls and deletions may fail under status 200. */
const errorUnder200: Fault = () => ({
  statusCode: 200,
  headers: { 'content-type': 'application/xml' },
  body: '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
});
const keyThrottled: Fault = () => ({
  statusCode: 200,
  headers: { 'content-type': 'application/xml' },
  body: '<DeleteResult><Error><Key>b</Key><Code>SlowDown</Code><Message>later</Message></Error></DeleteResult>',
});
const html: Fault = () => ({
  statusCode: 503,
  headers: { 'content-type': 'text/html' },
  body: '<html><body><h1>503 Service Unavailable</h1><br>No server is available.</body></html>',
});
const worded: Fault = () => ({
  statusCode: 400,
  headers: { 'content-type': 'application/xml' },
  body: '<Error><Code>Busy</Code><Message>Please reduce your request rate.</Message></Error>',
});

describe('a request that S3 throttles more often than it may fail', () => {
  const large = Buffer.alloc(17 * MiB, 1);
  const uploaded = async (store: S3Store) => {
    const upload = await store.upload('large');
    await upload.write(large);
    await upload.complete({ ifNoneMatch: '*' });
  };
  const listed = async (store: S3Store) => {
    for await (const _ of store.list('a'));
  };

  it.each<[S3Operation, string, Fault, (store: S3Store) => Promise<unknown>]>([
    ['HeadObject', '503', slowDown, (store) => store.head('a')],
    ['GetObject', '503', slowDown, (store) => store.get('a')],
    ['GetObject', '429', refuses(429, 'TooManyRequests'), (store) => store.get('a')],
    ['GetObject', '503 ServiceUnavailable', refuses(503, 'ServiceUnavailable'), (store) => store.get('a')],
    ['GetObject', 'a page of a proxy', html, (store) => store.get('a')],
    ['GetObject', 'only words', worded, (store) => store.get('a')],
    ['GetObject', '400 of KMS', refuses(400, 'KMS.ThrottlingException'), (store) => store.get('a')],
    ['PutObject', '503', slowDown, (store) => store.put('b', Buffer.from('b'), { ifNoneMatch: '*' })],
    ['PutObject', '400', refuses(400, 'RequestLimitExceeded'), (store) => store.put('b', Buffer.from('b'))],
    ['ListObjectsV2', '503', slowDown, listed],
    ['DeleteObject', '503', slowDown, (store) => store.delete(['a'])],
    ['DeleteObjects', '503', slowDown, (store) => store.delete(['a', 'b'])],
    ['DeleteObjects', '200 with a key that failed', keyThrottled, (store) => store.delete(['a', 'b'])],
    ['CreateMultipartUpload', '503', slowDown, uploaded],
    ['UploadPart', '503', slowDown, uploaded],
    ['CompleteMultipartUpload', '503', slowDown, uploaded],
    ['CompleteMultipartUpload', '200 with an error in it', errorUnder200, uploaded],
  ])('%s (%s) succeeds in the end', async (operation, _, fault, act) => {
    const { s3, clock, store } = setUp();
    await clock.run(store.put('a', Buffer.from('a')));
    s3.on(operation, ...times(20, fault));

    await clock.run(act(store));

    expect(s3.faultsLeft).toBe(0);
    expect(s3.uploads.size).toBe(0);
  });

  it('slows down other requests of its kind, and precedes them', async () => {
    const { s3, clock, store } = setUp();
    s3.on('HeadObject', slowDown);

    await clock.run(Promise.resolve(store.head('a')));
    const others = Promise.all(Array.from({ length: 20 }, (_, index) => store.head(`b${index}`)));
    await clock.run(clock.sleep(1_000));
    const sent = s3.count('HeadObject');
    const startMs = clock.nowMs();
    await clock.run(store.put('c', Buffer.from('c')));
    const writeMs = clock.nowMs() - startMs;
    await clock.run(others);

    expect(sent).toBeGreaterThan(5);
    expect(sent).toBeLessThan(15);
    expect(writeMs).toBeLessThan(5);
  });

  it('pauses for at most a second, since the rate is lower as well', async () => {
    const { s3, clock, store } = setUp();
    s3.on('HeadObject', ...times(10, slowDown));

    await clock.run(Promise.resolve(store.head('a')));

    // 0.1 + 0.2 + 0.4 + 0.8 + 6 x 1 s, and the wait for the rate.
    expect(clock.nowMs()).toBeGreaterThan(7_000);
    expect(clock.nowMs()).toBeLessThan(10_000);
  });

  it('still fails after eight other failures', async () => {
    const { s3, clock, store } = setUp();
    const broken = refuses(500, 'InternalError');
    s3.on('HeadObject', ...times(8, broken).flatMap((fault) => [slowDown, slowDown, fault]));

    const error = await failureOf(clock, store.head('a'));

    expect(error).toMatchObject({ name: 'StorageError', message: expect.stringContaining('InternalError') });
    expect(s3.count('HeadObject')).toBe(24);
  });

  it('gets no second GET, nor do other reads for half a minute', async () => {
    const { s3, clock, store } = setUp();
    await clock.run(store.put('a', Buffer.from('a')));
    for (let read = 0; read < 40; read++) await clock.run(store.get('a'));
    s3.on('HeadObject', slowDown);
    await clock.run(store.head('a'));
    const before = s3.count('GetObject');

    // Enough reads to have saved up for a second one again.
    for (let read = 0; read < 40; read++) await clock.run(store.get('a'));
    s3.on('GetObject', async (perform) => {
      await clock.sleep(2_000);
      return perform();
    });
    await clock.run(store.get('a'));
    const during = s3.count('GetObject') - before;
    await clock.run(clock.sleep(30_000));
    s3.on('GetObject', hangs);
    await clock.run(store.get('a'));

    expect(during).toBe(41);
    expect(s3.count('GetObject') - before).toBe(43);
  });
});

describe('a request that S3 throttles for too long', () => {
  it('fails before its deadline, and reports the duration and what to do', async () => {
    const { s3, clock, store } = setUp();
    s3.on('GetObject', ...times(100, slowDown));

    const error = await failureOf(
      clock,
      store.within({ remainingMs: () => 60_000 - clock.nowMs() }).get('a'),
    );

    expect(error).toMatchObject({ name: 'StorageError', retryable: true, details: { objectKey: 'a' } });
    expect(error.message).toMatch(
      /^S3 throttled GetObject of s3:\/\/bucket\/a for 5\d\.\d s \(\d+ attempts\), until no time was left: SlowDown: .*HTTP 503.*maxConcurrency.*splitSizeBytes.*fewer reducers/,
    );
    expect(clock.nowMs()).toBeGreaterThan(50_000);
    expect(clock.nowMs()).toBeLessThanOrEqual(60_000);
  });

  it('fails after 15 minutes without a deadline', async () => {
    const { s3, clock, store } = setUp({ throttledBackoffMsMax: 5_000 });
    s3.on('PutObject', ...times(1_000, slowDown));

    const error = await failureOf(clock, store.put('a', Buffer.from('a')));

    expect(error.message).toMatch(/^S3 throttled PutObject of s3:\/\/bucket\/a for 14 min 5\d s/);
    expect(clock.nowMs()).toBeLessThanOrEqual(900_000);
  });

  it('fails at the next throttle if the machine’s clock has jumped past the deadline', async () => {
    const { s3, clock, store } = setUp();
    s3.on('GetObject', ...times(100, slowDown));
    let jumpMs = 0;

    const reading = store.within({ remainingMs: () => 600_000 - clock.nowMs() - jumpMs }).get('a');
    reading.catch(() => {});
    await clock.run(clock.sleep(1_000));
    jumpMs = 3_600_000;
    await failureOf(clock, reading);

    expect(clock.nowMs()).toBeLessThan(10_000);
  });

  it('shares rate and counts with the original store', async () => {
    const { s3, clock, store } = setUp();
    s3.on('HeadObject', slowDown);

    await clock.run(store.within({ remainingMs: () => 60_000 }).head('a'));
    const others = Promise.all(Array.from({ length: 20 }, (_, index) => store.head(`b${index}`)));
    await clock.run(clock.sleep(1_000));
    const sent = s3.count('HeadObject');
    await clock.run(others);

    expect(sent).toBeLessThan(15);
    expect(store.requestCounts).toEqual({ HeadObject: 22 });
  });

  it('fails before its deadline even if its turn has not come', async () => {
    const { s3, clock, store } = setUp();
    s3.on('HeadObject', ...times(1_000, slowDown));
    const bounded = store.within({ remainingMs: () => 20_000 - clock.nowMs() });

    const failures = await clock.run(
      Promise.allSettled(Array.from({ length: 200 }, (_, index) => bounded.head(`a${index}`))),
    );

    const messages = failures.map((end) => (end.status === 'rejected' ? (end.reason as Error).message : ''));
    expect(messages).toEqual(
      Array(200).fill(expect.stringMatching(/^S3 throttled HeadObject of .*until no time was left/)),
    );
    expect(clock.nowMs()).toBeLessThanOrEqual(21_000);
  });
});

describe("the SDK's own retries", () => {
  it('are off, whatever the environment selects', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '5');
    vi.stubEnv('AWS_RETRY_MODE', 'adaptive');
    try {
      const { config } = createS3Client({ region: 'us-east-1' });

      expect(await config.maxAttempts()).toBe(1);
      expect(await config.retryStrategy()).toMatchObject({ mode: 'standard' });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('a reader that stops', () => {
  const streaming = (limits: Partial<S3Limits>) => {
    const setup = setUp({ readAheadBytes: 0, ...limits });
    setup.s3.objects.set('a', { bytes: Buffer.alloc(MiB), etag: '"a"', metadata: {} });
    return { ...setup, chunks: setup.store.stream('a', { chunkSizeBytes: 4 * KiB }) };
  };

  it('does not wait for its own throttled requests', async () => {
    const { s3, clock, chunks } = streaming({});
    s3.on('GetObject', (perform) => perform(), ...times(1_000, slowDown));
    await clock.run(chunks.next());
    await clock.run(clock.sleep(60_000));
    const leftMs = clock.nowMs();

    await clock.run(Promise.resolve(chunks.return?.()));

    expect(s3.count('GetObject')).toBeGreaterThan(10);
    expect(clock.nowMs()).toBe(leftMs);
    expect(clock.timers).toBe(0);
  });

  it('does not wait in the gate behind the requests of others', async () => {
    const { s3, clock, store, chunks } = streaming({ requestsInFlightMax: 1 });
    const { fault, release } = held();
    s3.on('HeadObject', fault);
    const first = chunks.next();
    await clock.run(first);
    const other = store.head('b');
    await clock.run(clock.sleep(1_000));
    const sent = s3.count('GetObject');
    const leftMs = clock.nowMs();

    await clock.run(Promise.resolve(chunks.return?.()));

    expect(clock.nowMs()).toBe(leftMs);
    expect(s3.count('GetObject')).toBe(sent);
    release();
    await clock.run(other);
  });
});

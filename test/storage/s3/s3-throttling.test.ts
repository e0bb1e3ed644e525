/** Jobs and requests that ask S3 for more than it gives, in virtual time: each function has a store of its own, as on Lambda. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { KiB, LIMITS, MiB } from '../../../src/base/limits.ts';
import { mapBounded } from '../../../src/base/map-bounded.ts';
import { openMerge } from '../../../src/shuffle/open-runs.ts';
import type { RunSegment } from '../../../src/shuffle/run-reader.ts';
import { RunWriter } from '../../../src/shuffle/run-writer.ts';
import { createS3Client } from '../../../src/storage/s3/s3-client.ts';
import type { S3Operation } from '../../../src/storage/s3/s3-errors.ts';
import type { S3Limits } from '../../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { append } from '../../shuffle/records.ts';
import { EnforcedRateS3 } from './s3-enforced-rate.ts';
import { FakeS3, type Fault, hangs, refuses, slowDown } from './s3-fake-service.ts';

const MAPS = 300;
const REDUCERS = 100;
const GETS_PER_SECOND = 5_500;
/** An eighth of what a reducer of 300 runs uses, so that all reducers fit one process; cells are larger than a chunk. */
const CHUNK_BYTES = 2 * KiB;
const RECORDS_PER_CELL = 10;
const VALUE_BYTES = 256;
const SEED = 7;

/** One cell for each reducer, all with the same records; and where each lies. */
function shuffleObject(): { bytes: Buffer; cells: { startBytes: number; endBytes: number }[] } {
  const blocks: Buffer[] = [];
  const writer = new RunWriter({
    compression: { codec: 'none' },
    blockBytes: 900,
    emitBlock: (block) => blocks.push(Buffer.from(block)),
  });
  for (let reducer = 0; reducer < REDUCERS; reducer++) {
    for (let record = 0; record < RECORDS_PER_CELL; record++) {
      append(writer, { key: Buffer.from(`key ${record}`), value: Buffer.alloc(VALUE_BYTES, record) });
    }
    writer.endPartition();
  }
  const cells = writer.extents.map(({ startBytes, lengthBytes }) => ({
    startBytes,
    endBytes: startBytes + lengthBytes,
  }));
  return { bytes: Buffer.concat([Buffer.alloc(cells[0]!.startBytes), ...blocks]), cells };
}

async function recordsMerged(segments: readonly RunSegment[]): Promise<number> {
  let records = 0;
  const merge = openMerge(segments, CHUNK_BYTES);
  try {
    while (await merge.ready()) {
      do records++;
      while (merge.next());
    }
  } finally {
    await merge.close();
  }
  return records;
}

describe('reducers that together send more requests than S3 allows', () => {
  it(`300 maps and 100 reducers at an enforced ${GETS_PER_SECOND} GETs a second: all wait, and nothing fails`, async () => {
    const clock = new VirtualClock();
    const s3 = new EnforcedRateS3({ clock, requestsPerSecond: GETS_PER_SECOND, burst: 550, seed: SEED });
    const { bytes, cells } = shuffleObject();
    const keys = Array.from({ length: MAPS }, (_, map) => `shuffle/m-${String(map).padStart(5, '0')}`);
    for (const key of keys) s3.objects.set(key, bytes);

    const stores = cells.map(
      (_, reducer) =>
        new S3Store({ client: s3.client(), bucket: 'bucket', clock, random: seededRandom(SEED + reducer) }),
    );
    const reducers = cells.map(({ startBytes, endBytes }, reducer) =>
      recordsMerged(
        keys.map((key) => ({
          store: stores[reducer]!,
          key,
          etag: `"${key}"`,
          startBytes,
          endBytes,
          records: RECORDS_PER_CELL,
        })),
      ),
    );
    const ends = await clock.run(Promise.allSettled(reducers));

    const merged = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    const failures = ends.flatMap((end) =>
      end.status === 'rejected' ? [(end.reason as Error).message] : [],
    );
    const idealMs = ((MAPS * REDUCERS) / GETS_PER_SECOND) * 1000;
    expect(failures.slice(0, 3)).toEqual([]);
    expect(merged).toEqual(new Array(REDUCERS).fill(MAPS * RECORDS_PER_CELL));
    // Each cell is one GET; nothing is read twice.
    expect(s3.served).toBe(MAPS * REDUCERS);
    expect(s3.refused).toBeGreaterThan(0);
    expect(clock.nowMs()).toBeLessThan(3 * idealMs);
  });
});

describe('a barrier that reads 10,000 footers at 500 GETs a second', () => {
  it('takes no longer than the rate requires', async () => {
    const clock = new VirtualClock();
    const s3 = new EnforcedRateS3({ clock, requestsPerSecond: 500, burst: 5, seed: SEED });
    for (let map = 0; map < 10_000; map++) s3.objects.set(`shuffle/${map}`, Buffer.from(String(map)));
    const store = new S3Store({ client: s3.client(), bucket: 'bucket', clock, random: seededRandom(SEED) });

    const read = async () => {
      const keys: string[] = [];
      for await (const { key } of store.list('shuffle/')) keys.push(key);
      return await mapBounded(keys, LIMITS.barrierReadsMax, async (key) => (await store.get(key)).toString());
    };
    const footers = await clock.run(read());

    expect(footers.map(Number).sort((a, b) => a - b)).toEqual([...Array(10_000).keys()]);
    expect(s3.refused).toBeGreaterThan(8);
    expect(clock.nowMs()).toBeLessThan(3 * 20_000);
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

  it('keeps its place in the gate, so no other request is sent instead', async () => {
    const { s3, clock, store } = setUp({ requestsInFlightMax: 2 });
    s3.on('HeadObject', ...times(20, slowDown));

    const both = Promise.all([store.head('a'), store.head('b')]);
    const third = store.head('c');
    await clock.run(clock.sleep(5_000));
    const keys = new Set(s3.requests.map(({ key }) => key));
    await clock.run(Promise.all([both, third]));

    expect(keys).toEqual(new Set(['a', 'b']));
    expect(s3.requests.at(-1)!.key).toBe('c');
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
    const { s3, clock, store } = setUp();
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
    const failure = failureOf(clock, reading);
    await clock.run(clock.sleep(1_000));
    jumpMs = 3_600_000;
    await failure;

    expect(clock.nowMs()).toBeLessThan(10_000);
  });

  it('shares gate and counts with the original store', async () => {
    const { s3, clock, store } = setUp({ requestsInFlightMax: 1 });
    s3.on('HeadObject', ...times(5, slowDown));

    const first = store.within({ remainingMs: () => 60_000 }).head('a');
    const second = store.head('b');
    await clock.run(Promise.all([first, second]));

    expect(s3.requests.map(({ key }) => key)).toEqual([...new Array(6).fill('a'), 'b']);
    expect(store.requestCounts).toEqual({ HeadObject: 7 });
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

  it('does not wait in the gate behind the throttled requests of others', async () => {
    const { s3, clock, store, chunks } = streaming({ requestsInFlightMax: 1 });
    s3.on('HeadObject', ...times(40, slowDown));
    const first = chunks.next();
    const other = store.head('b');
    await clock.run(first);
    await clock.run(clock.sleep(1_000));
    const leftMs = clock.nowMs();

    await clock.run(Promise.resolve(chunks.return?.()));

    expect(s3.count('GetObject')).toBe(1);
    expect(clock.nowMs()).toBe(leftMs);
    await clock.run(other);
  });
});

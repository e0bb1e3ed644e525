/**
 * Counts every S3 request of a job by step, with a proxy in front of each function, and compares the counts with the
 * table of docs/s3-requests.md. M map tasks and R reduce tasks write M + R objects plus a constant, not M x R.
 */
import { readFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FUNCTION_NAMES, type FunctionName } from '../../infra/functions/function-names.ts';
import { readAheadBytes } from '../../src/aws/model/function-memory.ts';
import { storageRequests } from '../../src/aws/model/report-requests.ts';
import { ATTEMPT_CHECK_MS } from '../../src/aws/protocol/attempt-checks.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { sumOf } from '../../src/base/sum.ts';
import { parseAttempts } from '../../src/report/parse-attempts.ts';
import { S3_LIMITS } from '../../src/storage/s3/s3-limits.ts';
import { ReadAheadBudget } from '../../src/storage/s3/s3-read-ahead.ts';
import { type ProxiedRequest, type S3FaultProxy, startS3FaultProxy } from '../helpers/s3-fault-proxy.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { until } from './helpers/until.ts';
import { selected } from './selection.ts';
import { CONCURRENCY, TASK_MEMORY_MB, takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Read once per environment, which may run any number of tasks. */
const SETTINGS = 'GetObject settings';
/** All reduce tasks read the same range of the index, so a hedged read of one task looks like a read of another. */
const INDEX = 'GetObject index';
/** Read twice by commit, so a hedged read looks like the second one. */
const CLAIM = 'GetObject claim';

/**
 * Counting, sorting, filtering, generating; with a combiner, without one, and without a shuffle. LocalStack runs the
 * first two.
 */
const ESTIMATED: readonly EstimatedJob[] = [
  { name: 'word-count', app: 'word-count', text: () => manyWords(0), splitSizeBytes: 4_000, reducers: 3 },
  { name: 'sort', app: 'sort', text: () => manyWords(1), splitSizeBytes: 5_000, reducers: 4 },
  { name: 'word-count of one key', app: 'word-count', text: () => 'word\n'.repeat(5_000), reducers: 4 },
  { name: 'a larger word-count', app: 'word-count', text: () => randomWords(3_000_000), reducers: 2 },
  { name: 'a larger sort', app: 'sort', text: () => randomWords(6_000_000), reducers: 3 },
  { name: 'grep', app: 'grep', text: () => manyWords(2), splitSizeBytes: 5_000, params: { pattern: 'b' } },
  {
    name: 'inverted-index',
    app: 'inverted-index',
    text: () => manyWords(3),
    splitSizeBytes: 9_000,
    reducers: 2,
  },
  { name: 'max-temperature', app: 'max-temperature', sample: 'max-temperature/sample.txt', reducers: 2 },
  { name: 'csv-to-json', app: 'csv-to-json', sample: 'csv-to-json/sample.csv' },
  { name: 'pi', app: 'pi' },
];

describeOnEmulators('Requests to S3', (emulator) => {
  let stack: DeployedStack;
  const proxies = new Map<FunctionName, S3FaultProxy>();

  beforeAll(async () => {
    const shared = await takeStack(emulator);
    stack = shared.stack;
    await Promise.all(
      FUNCTION_NAMES.map(async (name) => {
        const proxy = await startS3FaultProxy({ target: emulator.endpoint });
        proxies.set(name, proxy);
        await stack.configure(name, {
          variables: {
            AWS_ENDPOINT_URL_S3: proxy.endpoint,
            // A busy machine might start a backup attempt, which would add requests.
            MAPREDUCE_BACKUP_ATTEMPTS: 'false',
          },
        });
      }),
    );
    return async () => {
      // Before the proxies stop.
      await shared.release();
      await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
    };
  });

  const run = async (request: object) => {
    for (const proxy of proxies.values()) proxy.resetCounts();
    const startedMs = performance.now();
    const ended = await stack.start({
      jobId: uniqueName('counted'),
      request: { app: 'word-count', ...request },
    });
    const elapsedMs = performance.now() - startedMs;
    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const { report } = await stack.result(ended.output.outputPrefix);
    const { jobId, outputPrefix } = ended.output;
    return { report, outputPrefix, elapsedMs, ...requestsByStep(proxies, jobId) };
  };

  /** The attempts report what they sent: all writes, and all reads but for checks that were under way at their end. */
  const expectRequestsOfAttempts = async (outputPrefix: string, attempts: number) => {
    const rows = parseAttempts((await stack.get(`${outputPrefix}_attempts.jsonl.gz`))!, 'the list');
    const sent = (['map', 'reduce'] as const).flatMap((name) => proxies.get(name)!.requests);
    const reads = sent.filter(({ operation }) => /^(Get|Head)Object$/.test(operation)).length;
    expect(rows.length).toBe(attempts);
    expect(sumOf(rows, ({ writeRequests }) => writeRequests!)).toBe(sent.length - reads);
    expect(Math.abs(sumOf(rows, ({ readRequests }) => readRequests!) - reads)).toBeLessThanOrEqual(attempts);
    expect(rows.some(({ coldStartMs }) => coldStartMs !== undefined)).toBe(true);
    for (const row of rows) expect(row.peakMemoryBytes).toBeGreaterThan(20 * MiB);
  };

  describe.each([
    { maps: 6, reducers: 2, watches: 1, map: 'inline', lists: 0 },
    { maps: 12, reducers: 5, watches: 2, map: 'Distributed', lists: 2 },
  ])('a job of $maps map tasks and $reducers reduce tasks in $map Maps', (about) => {
    const { maps, reducers, watches, lists } = about;
    beforeAll(async () => {
      // As a job of more than 40 tasks.
      const variables: Record<string, string> = lists === 0 ? {} : { MAPREDUCE_INLINE_TASKS_MAX: '0' };
      const restored = await Promise.all(
        (['plan', 'map-barrier'] as const).map((name) => stack.configure(name, { variables })),
      );
      return async () => {
        await Promise.all(restored.map((restore) => restore()));
      };
    });
    const files = 3;
    const folder = `data/counted-${maps}/`;
    const splitSizeBytes = (manyWords(0).length * files) / maps;
    const request = { inputs: [folder], splitSizeBytes, reducers };

    test(`makes the requests of the table, and writes maps + reducers + ${11 + lists} objects`, async () => {
      for (let file = 0; file < files; file++) await stack.put(`${folder}${file}.txt`, manyWords(file));

      const counted = await run(request);

      const { report, elapsedMs, byStep, total, settingsReads, indexReads, claimReads, looks } = counted;
      expect(report.input).toMatchObject({ files, splits: maps });
      expect(byStep).toEqual({
        plan: {
          'ListObjectsV2 input': 1,
          'GetObject input': files,
          'HeadObject input': 1,
          'ListObjectsV2 output': 1,
          'PutObject request': 1,
          'PutObject claim': 1,
          'PutObject plan': 1,
          'PutObject settings': 1,
          ...(lists === 0 ? {} : { 'PutObject items': lists }),
        },
        map: { 'GetObject input': maps, 'PutObject shuffle': maps },
        'map-barrier': {
          'GetObject plan': 1,
          'ListObjectsV2 shuffle': 1,
          'GetObject shuffle': maps,
          'PutObject index': 1,
          'PutObject stage': 1,
        },
        reduce: {
          'GetObject shuffle': maps * reducers,
          'PutObject part': reducers,
        },
        'reduce-barrier': {
          'GetObject plan': 1,
          'GetObject stage': 1,
          'HeadObject part': reducers,
          'PutObject stage': 1,
        },
        commit: {
          'HeadObject _SUCCESS': 1,
          'GetObject request': 1,
          'GetObject plan': 1,
          'GetObject stage': 2,
          'ListObjectsV2 failures': 1,
          'ListObjectsV2 backups': 1,
          'ListObjectsV2 part': 1,
          'PutObject manifest': 1,
          'PutObject report': 1,
          'PutObject attempts': 1,
          'PutObject _SUCCESS': 1,
          'ListObjectsV2 work': 1,
          DeleteObjects: 1,
        },
        failure: {},
      });
      expect(settingsReads).toBeGreaterThanOrEqual(2);
      expect(settingsReads).toBeLessThanOrEqual(2 * (maps + reducers));
      expect(indexReads).toBeGreaterThanOrEqual(reducers);
      expect(indexReads).toBeLessThanOrEqual(2 * reducers);
      expect(claimReads).toBeGreaterThanOrEqual(2);
      expect(claimReads).toBeLessThanOrEqual(2 * 2);
      // One look per task at the start, one before each part, and more by tasks that take long on a busy machine.
      expect(looks).toBeGreaterThanOrEqual(maps + 2 * reducers);
      expect(looks).toBeLessThanOrEqual(maps + 2 * reducers + (CONCURRENCY * elapsedMs) / ATTEMPT_CHECK_MS);
      expect(total).toEqual({
        PutObject: maps + reducers + 11 + lists,
        GetObject: maps * reducers + 2 * maps + files + 7,
        HeadObject: reducers + 2,
        ListObjectsV2: 7,
        DeleteObjects: 1,
      });
      await expectRequestsOfAttempts(counted.outputPrefix, maps + reducers);
      // The command estimates the cost of a job from its report.
      const estimate = storageRequests(report);
      const writes = total.PutObject! + total.ListObjectsV2!;
      const reads =
        total.GetObject! + total.HeadObject! + settingsReads + indexReads + claimReads + maps + 2 * reducers;
      expect(estimate.s3Writes / writes).toBeGreaterThan(0.5);
      expect(estimate.s3Writes / writes).toBeLessThan(2);
      expect(estimate.s3Reads / reads).toBeGreaterThan(0.5);
      expect(estimate.s3Reads / reads).toBeLessThan(2);
    });

    test.runIf(selected(emulator, 'requests of rarer jobs'))(
      'is checked for stragglers with one listing and at most three HEAD requests per look',
      async () => {
        const restored = await Promise.all(
          (['plan', 'map-barrier'] as const).map((name) =>
            stack.configure(name, { variables: { MAPREDUCE_BACKUP_ATTEMPTS: 'true' } }),
          ),
        );
        const proxy = proxies.get('watch')!;

        await run(request);
        const looks = await until('a look of each watch', () => {
          const { ListObjectsV2 = 0 } = proxy.counts.operations;
          return ListObjectsV2 >= watches ? ListObjectsV2 : undefined;
        });

        const { GetObject: _, HeadObject = 0, PutObject = 0, ...others } = proxy.counts.operations;
        const settingsReads = proxy.requests.filter(
          ({ operation, overtakes }) => operation === 'GetObject' && !overtakes,
        );
        // Includes a look that has just started.
        expect(settingsReads.length).toBeLessThanOrEqual(looks + watches);
        expect(HeadObject).toBeLessThanOrEqual(3 * looks);
        expect(others).toEqual({ ListObjectsV2: looks });
        // One for each backup attempt, which a busy machine might start.
        expect(PutObject).toBeLessThanOrEqual(maps + reducers);
        await Promise.all(restored.map((restore) => restore()));
      },
    );
  });

  test.each(selected(emulator, 'estimates of all jobs') ? ESTIMATED : ESTIMATED.slice(0, 2))(
    'the estimate of $name has its requests in its range, and to 2 % after the map stage',
    async ({ name, text, sample, ...request }) => {
      const key = `data/estimated/${name}${sample === undefined ? '.txt' : extname(sample)}`;
      if (text !== undefined) await stack.put(key, text());
      if (sample !== undefined) await stack.put(key, await readFile(join(ROOT, 'apps', sample)));
      const inputs = text === undefined && sample === undefined ? [] : [key];

      const { report, total, looks } = await run({ inputs, ...request });

      const { planned, afterMap = planned, actual } = report.estimate!;
      const [map, reduce] = report.stages;
      expect(planned.stages.map(({ tasks }) => tasks)).toEqual(report.stages.map(({ tasks }) => tasks));
      // The proxies do not count the reads of the index and of the claim, nor looks for a cancellation, which tasks repeat.
      const reads =
        (total.GetObject ?? 0) +
        (total.HeadObject ?? 0) +
        2 +
        (reduce === undefined ? 2 * map!.tasks : map!.tasks + 3 * reduce.tasks);
      const { PutObject = 0, ListObjectsV2 = 0 } = total;
      const { CreateMultipartUpload = 0, UploadPart = 0, CompleteMultipartUpload = 0 } = total;
      const writes = PutObject + ListObjectsV2 + CreateMultipartUpload + UploadPart + CompleteMultipartUpload;
      expect(looks).toBeGreaterThanOrEqual(map!.tasks);
      const { requests } = planned;
      expect(reads).toBeGreaterThanOrEqual(requests.reads.low);
      expect(reads).toBeLessThanOrEqual(requests.reads.high);
      expect(writes).toBeGreaterThanOrEqual(requests.writes.low);
      expect(writes).toBeLessThanOrEqual(requests.writes.high);
      const after = afterMap.requests.reads.likely + afterMap.requests.writes.likely;
      expect(Math.abs(after / (reads + writes) - 1)).toBeLessThanOrEqual(0.02);
      expect(actual.reads + actual.writes).toBeGreaterThanOrEqual(0.98 * (reads + writes));
    },
  );

  test.runIf(selected(emulator, 'requests of rarer jobs'))(
    'a merge requests the metadata, the end and the records of each part',
    async () => {
      const reducers = 3;
      await stack.put('data/merged.txt', manyWords(0));

      const { byStep } = await run({ inputs: ['data/merged.txt'], reducers, merge: true });

      expect(byStep.reduce).toMatchObject({ 'PutObject run': reducers });
      expect(byStep['reduce-barrier']).toMatchObject({
        'HeadObject run': reducers,
        'GetObject run': reducers,
      });
      expect(byStep.commit).toMatchObject({
        'HeadObject run': reducers,
        'GetObject run': 2 * reducers,
        'PutObject merged': 1,
      });
    },
  );

  test.runIf(selected(emulator, 'requests of rarer jobs'))(
    'an object over 8 MiB takes one request per part and two more, and a result also has a summary',
    async () => {
      await stack.put('data/large.txt', randomWords(18_000_000));

      const { report, byStep, total } = await run({
        inputs: ['data/large.txt'],
        splitSizeBytes: 20_000_000,
        reducers: 1,
      });

      const [map, reduce] = report.stages;
      const parts = (bytes: number) => Math.ceil(bytes / S3_LIMITS.partBytesMin);
      const ranges = (bytes: number) => Math.ceil(bytes / rangeBytesOf(bytes));
      expect(parts(map!.bytesWritten)).toBeGreaterThanOrEqual(2);
      expect(byStep.map).toEqual({
        'GetObject input': ranges(report.input.bytes),
        'CreateMultipartUpload shuffle': 1,
        'UploadPart shuffle': parts(map!.bytesWritten),
        'CompleteMultipartUpload shuffle': 1,
      });
      expect(byStep.reduce).toEqual({
        'GetObject shuffle': ranges(reduce!.bytesRead),
        'CreateMultipartUpload part': 1,
        'UploadPart part': parts(reduce!.bytesWritten),
        'PutObject attempt': 1,
        'CompleteMultipartUpload part': 1,
      });
      expect(byStep['reduce-barrier']).toMatchObject({ 'HeadObject part': 1, 'GetObject attempt': 1 });
      expect(total.PutObject).toBe(12);
    },
  );
});

/** The size of the ranges in which a task reads its only stream. */
function rangeBytesOf(lengthBytes: number): number {
  const { readRangeBytes } = S3_LIMITS;
  const budget = new ReadAheadBudget({
    readRangeBytes,
    readAheadBytes: readAheadBytes(TASK_MEMORY_MB * MiB),
  });
  return budget.lease({ chunkSizeBytes: LIMITS.inputChunkBytes, lengthBytes }).rangeBytes;
}

interface EstimatedJob {
  readonly name: string;
  readonly app: string;
  readonly text?: () => string;
  /** Below apps/. */
  readonly sample?: string;
  readonly splitSizeBytes?: number;
  readonly reducers?: number;
  readonly params?: Readonly<Record<string, string>>;
}

type Counts = Record<string, number>;

/**
 * Counts the requests of all steps except the watch, whose looks depend on time. A slow read may have been sent twice
 * (s3-hedging.ts), so each range of an object counts once per step. A whole object that was read without delay counts
 * as often as it was read. Objects that a step reads whole more than once are counted separately.
 */
function requestsByStep(
  proxies: ReadonlyMap<FunctionName, S3FaultProxy>,
  jobId: string,
): {
  byStep: Record<string, Counts>;
  total: Counts;
  settingsReads: number;
  indexReads: number;
  claimReads: number;
  looks: number;
} {
  const byStep: Record<string, Counts> = {};
  const total: Counts = {};
  let settingsReads = 0;
  let indexReads = 0;
  let claimReads = 0;
  let looks = 0;
  for (const [step, { requests }] of proxies) {
    if (step === 'watch') continue;
    const counts: Counts = {};
    const seen = new Set<string>();
    for (const request of requests) {
      const { operation, path, range, overtakes } = request;
      const what = whatOf(request, jobId);
      const name = what === '' ? operation : `${operation} ${what}`;
      if (name === SETTINGS) {
        settingsReads += 1;
        continue;
      }
      if (name === INDEX) {
        indexReads += 1;
        continue;
      }
      if (name === CLAIM) {
        claimReads += 1;
        continue;
      }
      // Looks that check for a cancellation, and for a commit of another attempt, also depend on time.
      if (operation === 'HeadObject' && (step === 'map' || step === 'reduce')) {
        if (what === 'cancel') looks += 1;
        continue;
      }
      const same = `${path} ${range}`;
      if (operation === 'GetObject' && (range === undefined ? overtakes : seen.has(same))) continue;
      seen.add(same);
      counts[name] = (counts[name] ?? 0) + 1;
      total[operation] = (total[operation] ?? 0) + 1;
    }
    byStep[step] = counts;
  }
  return { byStep, total, settingsReads, indexReads, claimReads, looks };
}

/** The kind of the object that a request names. */
function whatOf({ operation, path, prefix }: ProxiedRequest, jobId: string): string {
  if (operation === 'DeleteObjects') return '';
  const key = prefix ?? path.slice(path.indexOf('/', 1) + 1);
  const kinds: readonly [RegExp, string][] = [
    [/^data\//, 'input'],
    [/\/request\.json$/, 'request'],
    [/\/_JOB$/, 'claim'],
    [/\/plan\/plan\.json$/, 'plan'],
    [/\/plan\/settings\.json$/, 'settings'],
    [/\/plan\/(map|reduce)\.json$/, 'items'],
    [/\/shuffle\//, 'shuffle'],
    [/\/shuffle-index$/, 'index'],
    [/\/(map|reduce)-stage\.json$/, 'stage'],
    [/\/attempts\//, 'attempt'],
    [/\/failures\//, 'failures'],
    [/\/backups\//, 'backups'],
    [/\/part-(r-|$)/, 'part'],
    [/\/merge\//, 'run'],
    [/\/merged\./, 'merged'],
    [/\/manifest\.json$/, 'manifest'],
    [/\/_report\.html$/, 'report'],
    [/\/_attempts\.jsonl\.gz$/, 'attempts'],
    [/\/cancel$/, 'cancel'],
    [/\/_SUCCESS$/, '_SUCCESS'],
    [new RegExp(`^work/${jobId}/$`), 'work'],
    [new RegExp(`^output/${jobId}/$`), 'output'],
  ];
  return kinds.find(([pattern]) => pattern.test(key))?.[1] ?? key;
}

/** Enough words that every map task has some for every reducer. All files have the same length. */
function manyWords(file: number): string {
  const word = (number: number) =>
    String.fromCharCode(...[...String(1_000 + number)].map((digit) => 97 + Number(digit)));
  return Array.from({ length: 4_000 }, (_, line) => `${word((line * 7 + file) % 1_000)}\n`).join('');
}

/** Words that compress badly and each occur once. */
function randomWords(bytes: number): string {
  const words: string[] = [];
  let state = 1n;
  for (let at = 0; at < bytes; ) {
    let line = '';
    for (let word = 0; word < 8; word++) {
      state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
      line += `${letters(state >> 8n)} `;
    }
    words.push(line.trim());
    at += line.length;
  }
  return `${words.join('\n')}\n`;
}

function letters(bits: bigint): string {
  let text = '';
  for (let rest = bits; rest > 0n; rest /= 26n) text += String.fromCharCode(97 + Number(rest % 26n));
  return text;
}

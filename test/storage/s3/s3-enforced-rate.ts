/**
 * An S3 that serves a bounded number of requests per second, in virtual time. It throttles the others with 503 SlowDown,
 * or makes them wait. It stands in for the SDK's client rather than for HTTP: the SDK takes a millisecond of CPU for each
 * request, and there are 100,000.
 *
 * Latencies: half of the responses arrive within 27 ms and 95 % within 75 ms, as measured on S3 (arXiv 2501.07771).
 */
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import type { VirtualClock } from '../../../simulation/virtual-clock.ts';

const MEDIAN_MS = 27;
const SIGMA = Math.log(75 / 27) / 1.645;
const REFUSAL_MS = 10;

/** A bound for some of the requests. The first one that applies to a request counts. */
export interface Partition {
  readonly applies: (request: { isWrite: boolean; key: string }) => boolean;
  readonly requestsPerSecond: (nowMs: number) => number;
  /** Requests that are served at once after a pause. */
  readonly burst: number;
  /** If true, requests beyond the bound wait in a queue, and are not throttled. */
  readonly queues?: boolean;
}

interface PartitionState extends Partition {
  tokens: number;
  filledMs: number;
  /** When the last request in the queue will be served. */
  busyUntilMs: number;
}

export class EnforcedRateS3 {
  readonly objects = new Map<string, Buffer>();
  /** Served, and refused with 503. */
  served = 0;
  refused = 0;
  inFlightMax = 0;
  /** Those that their sender gave up. */
  aborted = 0;
  readonly #clock: VirtualClock;
  readonly #partitions: PartitionState[];
  readonly #random: () => number;
  readonly #parts = new Map<string, Buffer[]>();
  #inFlight = 0;

  constructor({
    clock,
    partitions,
    seed,
  }: { clock: VirtualClock; partitions: readonly Partition[]; seed: number }) {
    this.#clock = clock;
    this.#partitions = partitions.map((partition) => ({
      ...partition,
      tokens: partition.burst,
      filledMs: 0,
      busyUntilMs: 0,
    }));
    this.#random = seededRandom(seed);
  }

  client(): S3Client {
    const client = {
      config: { region: async () => 'us-east-1' },
      send: (command: unknown, { abortSignal }: { abortSignal: AbortSignal }) =>
        this.#send(command as { input: { Key?: string; Prefix?: string } }, abortSignal),
    };
    return client as unknown as S3Client;
  }

  #send(command: { input: { Key?: string; Prefix?: string } }, signal: AbortSignal): Promise<unknown> {
    const waitMs = this.#admitted({
      isWrite: !READS.some((type) => command instanceof type),
      key: command.input.Key ?? command.input.Prefix ?? '',
    });
    const isServed = waitMs !== undefined;
    if (isServed) this.served += 1;
    else this.refused += 1;
    this.#inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const latencyMs = isServed ? waitMs + MEDIAN_MS * Math.exp(SIGMA * this.#normal()) : REFUSAL_MS;
    const end = () => {
      this.#inFlight -= 1;
      signal.removeEventListener('abort', onAbort);
    };
    const cancel = this.#clock.after(latencyMs, () => {
      end();
      if (!isServed) return reject(SLOW_DOWN);
      try {
        resolve(this.#answer(command));
      } catch (error) {
        reject(error as Error);
      }
    });
    const onAbort = () => {
      cancel();
      end();
      this.aborted += 1;
      reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  /** Returns how long the request waits in a queue of S3, or undefined if it is throttled. */
  #admitted(request: { isWrite: boolean; key: string }): number | undefined {
    const partition = this.#partitions.find(({ applies }) => applies(request));
    if (partition === undefined) return 0;
    const nowMs = this.#clock.nowMs();
    const perMs = partition.requestsPerSecond(nowMs) / 1000;
    if (partition.queues) {
      partition.busyUntilMs = Math.max(partition.busyUntilMs, nowMs) + 1 / perMs;
      return partition.busyUntilMs - nowMs;
    }
    partition.tokens = Math.min(partition.burst, partition.tokens + (nowMs - partition.filledMs) * perMs);
    partition.filledMs = nowMs;
    if (partition.tokens < 1) return undefined;
    partition.tokens -= 1;
    return 0;
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }

  #answer(command: unknown): unknown {
    if (command instanceof GetObjectCommand) return this.#get(command.input.Key!, command.input.Range);
    if (command instanceof HeadObjectCommand) return this.#headOf(command.input.Key!);
    if (command instanceof PutObjectCommand) {
      this.objects.set(command.input.Key!, Buffer.from(command.input.Body as Buffer));
      return { ETag: etagOf(command.input.Key!) };
    }
    if (command instanceof CreateMultipartUploadCommand) {
      this.#parts.set(command.input.Key!, []);
      return { UploadId: command.input.Key };
    }
    if (command instanceof UploadPartCommand) {
      const { Key, PartNumber, Body } = command.input;
      this.#parts.get(Key!)![PartNumber! - 1] = Buffer.from(Body as Buffer);
      return { ETag: etagOf(`${Key}/${PartNumber}`) };
    }
    if (command instanceof CompleteMultipartUploadCommand) {
      this.objects.set(command.input.Key!, Buffer.concat(this.#parts.get(command.input.Key!)!));
      return { ETag: etagOf(command.input.Key!) };
    }
    if (command instanceof ListObjectsV2Command) return this.#list(command.input);
    throw new Error(`this S3 does not know ${(command as object).constructor.name}`);
  }

  #headOf(key: string): { ContentLength: number; ETag: string } {
    const bytes = this.objects.get(key);
    if (bytes === undefined) throw failure('NoSuchKey', 404);
    return { ContentLength: bytes.length, ETag: etagOf(key) };
  }

  #get(key: string, range: string | undefined): unknown {
    const { ContentLength: size } = this.#headOf(key);
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? 'bytes=0-')!;
    const start = Number(from);
    const end = Math.min(size, to === '' ? size : Number(to) + 1);
    const body = new Readable({ read() {} });
    body.push(this.objects.get(key)!.subarray(start, end));
    body.push(null);
    return {
      Body: body,
      ContentLength: end - start,
      ETag: etagOf(key),
      ...(range === undefined ? {} : { ContentRange: `bytes ${start}-${end - 1}/${size}` }),
    };
  }

  #list({ Prefix = '', MaxKeys = 1_000, ContinuationToken }: ListObjectsV2Command['input']): unknown {
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(Prefix) && (ContinuationToken === undefined || key > ContinuationToken))
      .sort();
    const page = keys.slice(0, MaxKeys);
    return {
      Contents: page.map((Key) => ({ Key, Size: this.objects.get(Key)!.length, ETag: etagOf(Key) })),
      IsTruncated: page.length < keys.length,
      NextContinuationToken: page.at(-1),
    };
  }
}

/** Every request counts against the same bound. */
export function everyRequest(requestsPerSecond: number, burst: number): Partition {
  return { applies: () => true, requestsPerSecond: () => requestsPerSecond, burst };
}

export function etagOf(key: string): string {
  return `"${key}"`;
}

function failure(name: string, httpStatusCode: number): S3ServiceException {
  const message = name === 'SlowDown' ? 'Please reduce your request rate.' : name;
  return new S3ServiceException({
    name,
    message,
    $fault: 'server',
    $metadata: { httpStatusCode, attempts: 1 },
  });
}

const READS = [GetObjectCommand, HeadObjectCommand, ListObjectsV2Command] as const;
/** One for all refusals: the stacks of 100,000 errors take seconds. */
const SLOW_DOWN = failure('SlowDown', 503);

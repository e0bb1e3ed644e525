/**
 * An S3 that serves so many requests a second and answers the others with 503 SlowDown, in virtual time. It stands in
 * for the SDK's client rather than for HTTP: the SDK takes a millisecond of CPU for each request, and there are 100,000.
 *
 * Latencies: half of the answers come within 27 ms and 95 % within 75 ms, as measured on S3 (arXiv 2501.07771).
 */
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import type { VirtualClock } from '../../../simulation/virtual-clock.ts';

const MEDIAN_MS = 27;
const SIGMA = Math.log(75 / 27) / 1.645;
const REFUSAL_MS = 10;

export interface EnforcedRateOptions {
  readonly clock: VirtualClock;
  readonly requestsPerSecond: number;
  /** Requests that are served at once after a pause. */
  readonly burst: number;
  readonly seed: number;
}

export class EnforcedRateS3 {
  readonly objects = new Map<string, Buffer>();
  /** Served, and refused with 503. */
  served = 0;
  refused = 0;
  inFlightMax = 0;
  readonly #clock: VirtualClock;
  readonly #ratePerMs: number;
  readonly #burst: number;
  readonly #random: () => number;
  #tokens: number;
  #filledMs = 0;
  #inFlight = 0;

  constructor({ clock, requestsPerSecond, burst, seed }: EnforcedRateOptions) {
    this.#clock = clock;
    this.#ratePerMs = requestsPerSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#random = seededRandom(seed);
  }

  client(): S3Client {
    const client = {
      config: { region: async () => 'us-east-1' },
      send: (command: unknown, { abortSignal }: { abortSignal: AbortSignal }) =>
        this.#send(command, abortSignal),
    };
    return client as unknown as S3Client;
  }

  #send(command: unknown, signal: AbortSignal): Promise<unknown> {
    const isServed = this.#takeToken();
    if (isServed) this.served += 1;
    else this.refused += 1;
    this.#inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const latencyMs = isServed ? MEDIAN_MS * Math.exp(SIGMA * this.#normal()) : REFUSAL_MS;
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
      reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  #takeToken(): boolean {
    const nowMs = this.#clock.nowMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledMs) * this.#ratePerMs);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
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

function etagOf(key: string): string {
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

/** One for all refusals: the stacks of 100,000 errors take seconds. */
const SLOW_DOWN = failure('SlowDown', 503);

/**
 * S3 in virtual time, below the client of the SDK. It stands in for the client rather than for HTTP: the SDK takes a
 * millisecond of CPU for each request, and a simulated job sends 100,000s.
 *
 *     client.send(GET) --- latency ---> first byte --- pieces of 1 MiB ---> end of the body
 *     client.send(PUT) --- bytes ---> arrived --- executed at a random time ---> answer
 *
 * partitions.ts decides which requests are refused with 503, faults.ts what else goes wrong.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../src/base/clock.ts';
import { type BodyEnd, SimulatedBody } from './body.ts';
import { Bucket, type StoredObject } from './bucket.ts';
import { aborted, answers, brokenConnection } from './errors.ts';
import { type S3Fault, S3Faults } from './faults.ts';
import { COPY_BYTES_PER_SECOND, connectionMs, LATENCIES, REFUSAL_MS } from './latencies.ts';
import { type Admission, type PartitionOptions, Partitions } from './partitions.ts';
import { RequestLog } from './request-log.ts';
import { type KeepsBytes, type ReadAnswer, requestOf, type S3Request } from './requests.ts';
import { piecesOf } from './stored-bytes.ts';

export interface SimulatedS3Options {
  readonly clock: Clock;
  readonly random: () => number;
  readonly partitions?: Partial<PartitionOptions>;
  /** Default: no faults. */
  readonly faults?: S3Faults;
  /** Default: the bytes of all objects are kept. */
  readonly keepsBytes?: KeepsBytes;
  /** Called after each write of an object. */
  readonly onCreated?: (bucket: string, key: string, object: StoredObject) => void;
}

/** What S3 needs to know of a client: one execution environment of a function, or a user's machine. */
export interface S3Link {
  /** Of the client: it does not call back while the client is busy, frozen or dead. */
  readonly clock: Clock;
  /** How long it takes until so many more bytes have passed the client's network. */
  readonly transferMs: (bytes: number) => number;
  /**
   * Called before each request.
   *
   * @returns how the client dies: before the request is sent, or when S3 has executed it
   */
  readonly calling?: (
    request: Pick<S3Request, 'operation' | 'key'>,
  ) => 'dies-before' | 'dies-after' | undefined;
  /** Called when S3 has executed the request with which the client dies. */
  readonly die?: () => void;
  /** Called with the bytes of each piece that arrives, and of a body that is about to be sent: they take CPU. */
  readonly received?: (bytes: number) => void;
  readonly sent?: (bytes: number) => void;
}

/** Larger bodies arrive in pieces of this size; smaller ones arrive with the answer. */
const PIECE_BYTES = 1024 * 1024;
const WHOLE_BYTES_MAX = 256 * 1024;
const SLOW_FACTOR = 100;

export class SimulatedS3 {
  readonly log = new RequestLog();
  readonly faults: S3Faults;
  readonly #options: SimulatedS3Options;
  readonly #buckets = new Map<string, { bucket: Bucket; admission: Admission }>();

  constructor(options: SimulatedS3Options) {
    this.#options = options;
    this.faults = options.faults ?? new S3Faults({ random: options.random });
  }

  /** @param admission  instead of partitions with the options of this S3 */
  createBucket(name: string, admission?: Admission): Bucket {
    const { clock, partitions, onCreated = () => {} } = this.#options;
    const bucket = new Bucket(name, (key, object) => onCreated(name, key, object));
    this.#buckets.set(name, { bucket, admission: admission ?? new Partitions(clock, partitions) });
    return bucket;
  }

  bucket(name: string): Bucket {
    return this.#find(name).bucket;
  }

  partitionsOf(name: string): number {
    const { admission } = this.#find(name);
    return admission instanceof Partitions ? admission.count : 1;
  }

  client(link: S3Link = { clock: this.#options.clock, transferMs: () => 0 }): S3Client {
    const client = {
      config: { region: async () => 'us-east-1' },
      send: (command: unknown, options: { abortSignal?: AbortSignal } = {}) =>
        this.#send(command, link, options.abortSignal),
    };
    // The cast: the store uses nothing else of a client.
    return client as unknown as S3Client;
  }

  #find(name: string): { bucket: Bucket; admission: Admission } {
    const found = this.#buckets.get(name);
    if (found === undefined) throw new Error(`the simulated S3 has no bucket '${name}'`);
    return found;
  }

  #send(command: unknown, link: S3Link, signal: AbortSignal | undefined): Promise<unknown> {
    const request = requestOf(command, this.#options.keepsBytes ?? (() => true));
    const death = link.calling?.(request);
    if (death === 'dies-before') return new Promise(() => {});
    if (signal?.aborted) return Promise.reject(aborted);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = new Call({ link, signal, resolve, reject, log: this.log });
    this.#answer(call, request, death === 'dies-after');
    return promise;
  }

  #answer(call: Call, request: S3Request, dies: boolean): void {
    const { bucket, admission } = this.#find(request.bucket);
    const { clock, random } = this.#options;
    const { operation, key, kind, isConditional } = request;
    const fault = this.faults.take(operation, { isConditional });
    const waitMs = fault === 'slow-down' ? undefined : admission.waitMs(key, kind);
    const isThrottled = waitMs === undefined;
    const refusal = isThrottled ? answers.slowDown : refusalOf(fault);
    const outcome = isThrottled ? 'throttled' : refusal === undefined ? 'served' : 'failed';
    this.log.add(operation, key, { nowMs: clock.nowMs(), outcome });
    if (refusal !== undefined || fault === 'no-answer') {
      call.end(REFUSAL_MS, () => {
        if (dies) call.link.die?.();
        else if (refusal !== undefined) call.reject(refusal);
      });
      return;
    }
    const workMs = LATENCIES[operation].next(random) * (fault === 'slow-answer' ? SLOW_FACTOR : 1);
    const latencyMs = (waitMs ?? 0) + workMs;
    if (request.operation === 'GetObject') {
      this.#read(call, { latencyMs, fault, dies, read: () => request.read(bucket) });
    } else {
      this.#execute(call, { latencyMs, fault, dies, request, bucket });
    }
  }

  #execute(
    call: Call,
    {
      latencyMs,
      fault,
      dies,
      request: { sentBytes, copiedBytes, execute },
      bucket,
    }: {
      latencyMs: number;
      fault: S3Fault | undefined;
      dies: boolean;
      request: Exclude<S3Request, { operation: 'GetObject' }>;
      bucket: Bucket;
    },
  ): void {
    const { clock, random } = this.#options;
    this.log.bytesWritten += sentBytes;
    const arrivedMs =
      sentBytes === 0 ? 0 : Math.max(connectionMs(sentBytes), call.link.transferMs(sentBytes));
    const workMs = latencyMs + (copiedBytes / COPY_BYTES_PER_SECOND) * 1000;
    let executed: () => void = () => call.reject(brokenConnection);
    call.beforeEnd(clock, arrivedMs + workMs * random(), () => {
      executed = outcomeOf(call, () => execute(bucket));
      if (dies) call.link.die?.();
    });
    // Its CPU, for the checksum and for TLS, overlaps with the sending.
    call.link.sent?.(sentBytes);
    call.end(arrivedMs + workMs, () => {
      if (fault === 'lost-answer') call.reject(brokenConnection);
      else executed();
    });
  }

  #read(
    call: Call,
    {
      latencyMs,
      fault,
      dies,
      read,
    }: { latencyMs: number; fault: S3Fault | undefined; dies: boolean; read: () => ReadAnswer },
  ): void {
    call.end(latencyMs, () => {
      if (dies) call.link.die?.();
      else if (fault === 'lost-answer') call.reject(brokenConnection);
      else this.#answerRead(call, { fault, read });
    });
  }

  #answerRead(call: Call, { fault, read }: { fault: S3Fault | undefined; read: () => ReadAnswer }): void {
    let answer: ReadAnswer;
    try {
      answer = read();
    } catch (error) {
      call.reject(error);
      return;
    }
    const { start, end } = answer;
    this.log.bytesRead += end - start;
    if (end - start > WHOLE_BYTES_MAX || fault === 'cut-body' || fault === 'stalled-body') {
      call.resolve(answerOf(answer, this.#body(call, answer, fault)));
      return;
    }
    const transferMs = Math.max(connectionMs(end - start), call.link.transferMs(end - start));
    call.end(transferMs, () => {
      call.link.received?.(end - start);
      const pieces = piecesOf(answer.object.bytes, { start, end, pieceBytesMax: PIECE_BYTES });
      call.resolve(answerOf(answer, SimulatedBody.arrived([...pieces])));
    });
  }

  #body({ link }: Call, { object, start, end }: ReadAnswer, fault: S3Fault | undefined): SimulatedBody {
    const isBroken = fault === 'cut-body' || fault === 'stalled-body';
    // A broken body ends after half of its pieces.
    const pieceBytesMax = isBroken ? Math.max(1, Math.min(PIECE_BYTES, (end - start) >> 2)) : PIECE_BYTES;
    const bodyEnd: BodyEnd = fault === 'cut-body' ? 'cut' : fault === 'stalled-body' ? 'stalled' : 'complete';
    return new SimulatedBody({
      pieces: piecesOf(object.bytes, { start, end, pieceBytesMax }),
      end: bodyEnd,
      ...(isBroken ? { piecesMax: Math.ceil((end - start) / pieceBytesMax) >> 1 } : {}),
      transfer: (bytes, arrived) =>
        link.clock.after(Math.max(connectionMs(bytes), link.transferMs(bytes)), () => {
          link.received?.(bytes);
          arrived();
        }),
    });
  }
}

/** One request in flight. */
class Call {
  readonly link: S3Link;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly #log: RequestLog;
  #cancels: (() => void)[] = [];

  constructor({
    link,
    signal,
    resolve,
    reject,
    log,
  }: {
    link: S3Link;
    signal: AbortSignal | undefined;
    resolve: (answer: unknown) => void;
    reject: (error: unknown) => void;
    log: RequestLog;
  }) {
    this.link = link;
    this.#log = log;
    log.begin();
    const onAbort = () => {
      for (const cancel of this.#cancels) cancel();
      this.reject(aborted);
    };
    const end = () => {
      signal?.removeEventListener('abort', onAbort);
      this.#log.end();
    };
    this.resolve = (answer) => {
      end();
      resolve(answer);
    };
    this.reject = (error) => {
      end();
      reject(error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  }

  /** Something that S3 does, whatever becomes of the client, unless the client breaks the connection before. */
  beforeEnd(clock: Clock, delayMs: number, work: () => void): void {
    this.#cancels.push(clock.after(delayMs, work));
  }

  /** Something that reaches the client. */
  end(delayMs: number, work: () => void): void {
    this.#cancels = [...this.#cancels, this.link.clock.after(delayMs, work)];
  }
}

function refusalOf(fault: S3Fault | undefined): Error | undefined {
  if (fault === 'internal-error') return answers.internalError;
  if (fault === 'conflict') return answers.conflict;
  return fault === 'lost-request' ? brokenConnection : undefined;
}

function outcomeOf(call: Call, execute: () => unknown): () => void {
  try {
    const answer = execute() ?? {};
    return () => call.resolve(answer);
  } catch (error) {
    return () => call.reject(error);
  }
}

function answerOf({ object, start, end, isRange }: ReadAnswer, body: SimulatedBody): object {
  const { sizeBytes } = object.bytes;
  return {
    Body: body,
    ContentLength: end - start,
    ETag: object.etag,
    Metadata: object.metadata,
    ...(isRange ? { ContentRange: `bytes ${start}-${end - 1}/${sizeBytes}` } : {}),
  };
}

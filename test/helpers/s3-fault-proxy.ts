/**
 * An HTTP proxy in front of an emulator's S3 that counts requests and makes some of them fail:
 *
 *     slow-down      503 SlowDown; S3 does not receive the request
 *     denied         403 AccessDenied; S3 does not receive the request
 *     delay          the answer arrives late
 *     cut-body       the connection breaks in the middle of the answer's body
 *     lost-answer    S3 performs the request, but the connection breaks before the answer
 *
 *     await using proxy = await startS3FaultProxy({ target: emulator.endpoint, seed: 7, faults: { 'slow-down': 0.1 } });
 *     ... S3 clients of proxy.endpoint, in this process or in others ...
 *     expect(proxy.fired['slow-down']).toBeGreaterThan(0);
 *
 * The seed and the order of the requests determine which requests fail. If requests are concurrent, only the number of
 * faults is the same in each run.
 *
 * Signatures: clients sign the Host header, which names the proxy, and the proxy forwards it unchanged. A signature
 * would therefore still be valid if the emulator verified it. LocalStack and MiniStack do not, not even with IAM
 * enforced, which looks only at the access key. Clients use plain HTTP to the proxy. The proxy uses TLS if the target
 * needs it, so this process must trust the target's certificate.
 */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../simulation/seeded-random.ts';

export const S3_FAULTS = ['slow-down', 'denied', 'delay', 'cut-body', 'lost-answer'] as const;
export type S3Fault = (typeof S3_FAULTS)[number];

/** The fraction of requests that has each fault. The sum is at most 1. */
export type S3FaultFractions = Partial<Record<S3Fault, number>>;

export interface ProxiedRequest {
  readonly method: string;
  /** The name of the operation on AWS: 'PutObject', 'ListObjectsV2', 'CopyObject'. */
  readonly operation: string;
  /** The bucket and the key, decoded: '/bucket/folder/key'. */
  readonly path: string;
  /** The range of a GET for part of an object: 'bytes=0-99'. */
  readonly range: string | undefined;
  /** The prefix of a listing. */
  readonly prefix: string | undefined;
  /**
   * Whether this GET repeats an earlier request that did not answer at once, as a hedge or another attempt does
   * (s3-hedging.ts).
   */
  readonly overtakes: boolean;
}

export interface S3FaultProxyOptions {
  /** The endpoint of the emulator. */
  readonly target: string;
  readonly faults?: S3FaultFractions;
  readonly seed?: number;
  /** The delay of delayed answers. */
  readonly delayMs?: number;
  /** Restricts faults to these requests. Default: all requests. */
  readonly affects?: (request: ProxiedRequest) => boolean;
}

export interface S3FaultProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request, whether it succeeded or not. */
  readonly counts: {
    readonly methods: Record<string, number>;
    readonly operations: Record<string, number>;
  };
  readonly requests: readonly ProxiedRequest[];
  /** How often each fault has occurred. */
  readonly fired: Readonly<Record<S3Fault, number>>;
  /** Replaces the fractions from now on. */
  setFaults(faults: S3FaultFractions, affects?: (request: ProxiedRequest) => boolean): void;
  /** The next request of that operation has that fault, regardless of the fractions. May be called several times. */
  failNext(operation: string, fault: S3Fault): void;
  /** Resets the counts. */
  resetCounts(): void;
  stop(): Promise<void>;
}

export async function startS3FaultProxy(options: S3FaultProxyOptions): Promise<S3FaultProxy> {
  const { target, seed = 1, delayMs = 1_000 } = options;
  const random = seededRandom(seed);
  const targetUrl = new URL(target);
  let faults = options.faults ?? {};
  let affects = options.affects ?? (() => true);
  let counts = { methods: {} as Record<string, number>, operations: {} as Record<string, number> };
  let requests: ProxiedRequest[] = [];
  let fired = noneFired();
  let reads = new Map<string, Read>();
  const planned: { operation: string; fault: S3Fault }[] = [];

  const chooseFault = (request: ProxiedRequest): S3Fault | undefined => {
    const next = planned.findIndex(({ operation }) => operation === request.operation);
    if (next >= 0) return planned.splice(next, 1)[0]!.fault;
    const at = random();
    if (!affects(request)) return undefined;
    let below = 0;
    return S3_FAULTS.find((fault) => {
      below += faults[fault] ?? 0;
      return at < below;
    });
  };

  const overtakes = (request: Pick<ProxiedRequest, 'path' | 'range'>): boolean => {
    const earlier = reads.get(whatIsRead(request));
    if (earlier === undefined) return false;
    return earlier.answeredMs === undefined || earlier.answeredMs - earlier.cameMs > PROMPT_MS;
  };

  const server = http.createServer((incoming, answer) => {
    const described = describeRequest(incoming);
    const request = { ...described, overtakes: described.operation === 'GetObject' && overtakes(described) };
    requests.push(request);
    if (request.operation === 'GetObject') {
      const read: Read = { cameMs: performance.now(), answeredMs: undefined };
      reads.set(whatIsRead(request), read);
      answer.once('finish', () => {
        read.answeredMs = performance.now();
      });
    }
    increment(counts.methods, request.method);
    increment(counts.operations, request.operation);
    const fault = chooseFault(request);
    if (fault !== undefined && (fault !== 'cut-body' || request.operation === 'GetObject')) fired[fault] += 1;
    if (fault === 'slow-down' || fault === 'denied') {
      incoming.resume();
      incoming.on('end', () => answerError(answer, REFUSALS[fault]));
      return;
    }
    forward(incoming, targetUrl)
      .then(async (upstream) => {
        if (fault === 'delay') await sleep(delayMs, undefined, { ref: false });
        if (fault === 'lost-answer') {
          upstream.resume();
          upstream.on('close', () => incoming.socket.destroy());
          return;
        }
        answer.writeHead(upstream.statusCode!, upstream.headers);
        if (fault === 'cut-body' && request.operation === 'GetObject') return cutShort(upstream, answer);
        // If the upstream connection breaks, this one must break too.
        upstream.on('error', () => answer.destroy());
        answer.on('close', () => upstream.destroy());
        upstream.pipe(answer);
      })
      .catch(() => incoming.socket.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const stop = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get counts() {
      return counts;
    },
    get requests() {
      return requests;
    },
    get fired() {
      return fired;
    },
    setFaults: (changed, changedAffects = () => true) => {
      faults = changed;
      affects = changedAffects;
    },
    failNext: (operation, fault) => {
      planned.push({ operation, fault });
    },
    resetCounts: () => {
      counts = { methods: {}, operations: {} };
      requests = [];
      reads = new Map();
      fired = noneFired();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Resolves with the target's answer when its headers have arrived. */
function forward(incoming: http.IncomingMessage, target: URL): Promise<http.IncomingMessage> {
  const { connection, expect, 'keep-alive': keepAlive, ...headers } = incoming.headers;
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const request = (target.protocol === 'https:' ? https : http).request(
    {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers,
      // Uses a new connection for each request, so none that the target has already closed.
      agent: false,
    },
    resolve,
  );
  request.on('error', reject);
  incoming.on('error', () => request.destroy());
  incoming.socket.once('close', () => request.destroy());
  incoming.pipe(request);
  return promise;
}

function cutShort(upstream: http.IncomingMessage, answer: http.ServerResponse): void {
  const keptBytes = Math.floor(Number(upstream.headers['content-length'] ?? 0) / 2);
  let sentBytes = 0;
  upstream.on('data', (piece: Buffer) => {
    const kept = piece.subarray(0, keptBytes - sentBytes);
    sentBytes += kept.length;
    if (sentBytes < keptBytes) {
      answer.write(kept);
      return;
    }
    upstream.destroy();
    answer.write(kept, () => answer.destroy());
  });
  upstream.on('end', () => answer.destroy());
}

const REFUSALS = {
  'slow-down': { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
  denied: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
};

function answerError(
  answer: http.ServerResponse,
  { status, code, message }: { status: number; code: string; message: string },
): void {
  const body =
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code>` +
    `<Message>${message}</Message><RequestId>FAULTPROXY</RequestId></Error>`;
  answer.writeHead(status, {
    'content-type': 'application/xml',
    'content-length': body.length,
    'x-amz-request-id': 'FAULTPROXY',
  });
  answer.end(answer.req.method === 'HEAD' ? undefined : body);
}

interface Read {
  readonly cameMs: number;
  answeredMs: number | undefined;
}

/** An answer that takes longer may be overtaken by a second one, if the client is slow too. */
const PROMPT_MS = 50;

function whatIsRead({ path, range = '' }: Pick<ProxiedRequest, 'path' | 'range'>): string {
  return `${path} ${range}`;
}

function describeRequest({
  method = 'GET',
  url = '/',
  headers,
}: http.IncomingMessage): Omit<ProxiedRequest, 'overtakes'> {
  const { pathname, searchParams } = new URL(url, 'http://proxy');
  return {
    method,
    operation: operationOf(method, {
      query: searchParams,
      isObject: /^\/[^/]+\/./.test(pathname),
      isCopy: 'x-amz-copy-source' in headers,
    }),
    path: decodeURIComponent(pathname),
    range: headers.range,
    prefix: searchParams.get('prefix') ?? undefined,
  };
}

function operationOf(
  method: string,
  { query, isObject, isCopy }: { query: URLSearchParams; isObject: boolean; isCopy: boolean },
): string {
  if (!isObject) {
    if (method === 'GET')
      return query.has('list-type')
        ? 'ListObjectsV2'
        : query.has('uploads')
          ? 'ListMultipartUploads'
          : 'other GET';
    if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
    return method === 'PUT' && query.size === 0 ? 'CreateBucket' : `other ${method}`;
  }
  switch (method) {
    case 'GET':
      return query.has('uploadId') ? 'ListParts' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      if (query.has('partNumber')) return isCopy ? 'UploadPartCopy' : 'UploadPart';
      return isCopy ? 'CopyObject' : 'PutObject';
    case 'POST':
      return query.has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return `other ${method}`;
  }
}

function increment(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function noneFired(): Record<S3Fault, number> {
  return { 'slow-down': 0, denied: 0, delay: 0, 'cut-body': 0, 'lost-answer': 0 };
}

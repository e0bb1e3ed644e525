/**
 * S3 in this process, below the SDK: it stands in for the HTTP handler, so the SDK's own signing, retries, checksums and
 * parsing are under test as well. For the faults that no emulator produces.
 *
 *     const s3 = new FakeS3();
 *     s3.on('PutObject', lostAnswer, slowDown);        the next two PUTs; later ones are answered as they should be
 *     const store = new S3Store({ client: s3.client(), bucket: 'bucket' });
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Operation } from '../../../src/storage/s3/s3-errors.ts';

export interface FakeRequest {
  readonly operation: S3Operation;
  readonly key: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export interface FakeAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: Readable | Buffer | string;
}

/** Answers one request; `perform` does what S3 would do. */
export type Fault = (perform: () => FakeAnswer, request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>;

interface FakeObject {
  bytes: Buffer;
  etag: string;
  metadata: Record<string, string>;
}

export class FakeS3 {
  readonly objects = new Map<string, FakeObject>();
  readonly uploads = new Map<
    string,
    { key: string; metadata: Record<string, string>; parts: Map<number, Buffer> }
  >();
  /** In the order of their arrival. */
  readonly requests: FakeRequest[] = [];
  /** Those that the client gave up before they were answered. */
  readonly aborted: FakeRequest[] = [];
  readonly #faults = new Map<S3Operation, Fault[]>();
  #uploadsStarted = 0;

  /** The next requests of that operation are answered by these, in turn. */
  on(operation: S3Operation, ...faults: Fault[]): this {
    this.#faults.set(operation, [...(this.#faults.get(operation) ?? []), ...faults]);
    return this;
  }

  /** Faults that have not come to pass; a test that expects them asserts 0. */
  get faultsLeft(): number {
    return [...this.#faults.values()].reduce((sum, faults) => sum + faults.length, 0);
  }

  count(operation: S3Operation): number {
    return this.requests.filter((request) => request.operation === operation).length;
  }

  client(config: S3ClientConfig = {}): S3Client {
    return new S3Client({
      region: 'us-east-1',
      endpoint: 'http://s3.invalid',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
      requestHandler: {
        handle: (request: unknown, options?: { abortSignal?: unknown }) =>
          this.#handle(request as RawRequest, options),
      } as never,
      ...config,
    });
  }

  async #handle(
    raw: RawRequest,
    { abortSignal }: { abortSignal?: unknown } = {},
  ): Promise<{ response: FakeAnswer & { body: Readable } }> {
    const request = await parseRequest(raw);
    this.requests.push(request);
    const signal = abortSignal as AbortSignal | undefined;
    let answered = false;
    const aborted = new Promise<never>((_, reject) => {
      const abort = () => {
        if (!answered) this.aborted.push(request);
        reject(Object.assign(new Error('Request aborted'), { name: 'AbortError', code: 'ABORT_ERR' }));
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
    aborted.catch(() => {});
    const fault = this.#faults.get(request.operation)?.shift();
    const answer = await Promise.race([
      aborted,
      fault === undefined ? this.perform(request) : fault(() => this.perform(request), request),
    ]);
    answered = true;
    const body =
      answer.body instanceof Readable ? answer.body : Readable.from(inPieces(Buffer.from(answer.body)));
    return { response: { ...answer, body } };
  }

  /** What S3 would do. */
  perform(request: FakeRequest): FakeAnswer {
    const { operation, key, query, headers, body } = request;
    const object = this.objects.get(key);
    switch (operation) {
      case 'HeadObject':
      case 'GetObject': {
        if (object === undefined) return failed(404, 'NoSuchKey');
        if (headers['if-match'] !== undefined && headers['if-match'] !== object.etag)
          return failed(412, 'PreconditionFailed');
        return operation === 'HeadObject' ? headOf(object) : rangeOf(object, headers.range);
      }
      case 'PutObject': {
        const unmet = this.#unmetCondition(headers, object);
        if (unmet !== undefined) return unmet;
        return this.#store(key, { bytes: body, metadata: metadataOf(headers) });
      }
      case 'CreateMultipartUpload': {
        const id = `upload-${++this.#uploadsStarted}`;
        this.uploads.set(id, { key, metadata: metadataOf(headers), parts: new Map() });
        return xml(
          `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
        );
      }
      case 'UploadPart': {
        const upload = this.uploads.get(query.uploadId!);
        if (upload === undefined) return failed(404, 'NoSuchUpload');
        upload.parts.set(Number(query.partNumber), body);
        return {
          statusCode: 200,
          headers: {
            etag: etagOf(body),
            ...(headers['x-amz-checksum-crc32'] && {
              'x-amz-checksum-crc32': headers['x-amz-checksum-crc32'],
            }),
          },
          body: '',
        };
      }
      case 'UploadPartCopy': {
        const upload = this.uploads.get(query.uploadId!);
        if (upload === undefined) return failed(404, 'NoSuchUpload');
        const [, ...source] = decodeURIComponent(headers['x-amz-copy-source']!).split('/');
        const from = this.objects.get(source.join('/'));
        if (from === undefined) return failed(404, 'NoSuchKey');
        if (headers['x-amz-copy-source-if-match'] !== from.etag) return failed(412, 'PreconditionFailed');
        const copied = rangeOf(from, headers['x-amz-copy-source-range']).body as Buffer;
        upload.parts.set(Number(query.partNumber), copied);
        return xml(`<CopyPartResult><ETag>${escaped(etagOf(copied))}</ETag></CopyPartResult>`);
      }
      case 'CompleteMultipartUpload': {
        const upload = this.uploads.get(query.uploadId!);
        if (upload === undefined) return failed(404, 'NoSuchUpload');
        const unmet = this.#unmetCondition(headers, object);
        if (unmet !== undefined) return unmet;
        const listed = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map((match) => Number(match[1]));
        const parts = listed.map((number) => upload.parts.get(number)!);
        if (parts.slice(0, -1).some((part) => part.length < 5 * 1024 * 1024))
          return failed(400, 'EntityTooSmall');
        this.uploads.delete(query.uploadId!);
        const { headers: stored } = this.#store(key, {
          bytes: Buffer.concat(parts),
          metadata: upload.metadata,
        });
        return xml(
          `<CompleteMultipartUploadResult><ETag>${escaped(stored.etag!)}</ETag></CompleteMultipartUploadResult>`,
        );
      }
      case 'AbortMultipartUpload':
        return this.uploads.delete(query.uploadId!)
          ? { statusCode: 204, headers: {}, body: '' }
          : failed(404, 'NoSuchUpload');
      case 'ListObjectsV2':
        return this.#list(query);
      case 'DeleteObject':
        this.objects.delete(key);
        return { statusCode: 204, headers: {}, body: '' };
      case 'DeleteObjects':
        for (const [, text] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g))
          this.objects.delete(unescaped(text!));
        return xml('<DeleteResult></DeleteResult>');
    }
  }

  /** Of a write. */
  #unmetCondition(headers: Record<string, string>, object: FakeObject | undefined): FakeAnswer | undefined {
    if (headers['if-none-match'] === '*' && object !== undefined) return failed(412, 'PreconditionFailed');
    const etag = headers['if-match'];
    if (etag === undefined) return undefined;
    if (object === undefined) return failed(404, 'NoSuchKey');
    return etag === object.etag ? undefined : failed(412, 'PreconditionFailed');
  }

  #store(key: string, { bytes, metadata }: Pick<FakeObject, 'bytes' | 'metadata'>): FakeAnswer {
    const etag = etagOf(bytes);
    // A copy: the caller's buffer is the caller's.
    this.objects.set(key, { bytes: Buffer.from(bytes), etag, metadata });
    return { statusCode: 200, headers: { etag }, body: '' };
  }

  #list(query: Record<string, string>): FakeAnswer {
    const after = query['continuation-token'];
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(query.prefix ?? ''))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .filter(
        (key) => after === undefined || Buffer.compare(Buffer.from(key), Buffer.from(after, 'base64')) > 0,
      );
    const page = keys.slice(0, Number(query['max-keys']));
    const token = Buffer.from(page.at(-1) ?? '').toString('base64');
    const contents = page.map((key) => {
      const { bytes, etag } = this.objects.get(key)!;
      const name = encodeURIComponent(key).replaceAll('%20', '+');
      return `<Contents><Key>${name}</Key><Size>${bytes.length}</Size><ETag>${escaped(etag)}</ETag></Contents>`;
    });
    const truncated = page.length < keys.length;
    return xml(
      `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${truncated}</IsTruncated>` +
        `${truncated ? `<NextContinuationToken>${token}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`,
    );
  }
}

// ---- faults ----

/** Refused with S3's words; nothing happens. */
export function refuses(statusCode: number, code: string, headers: Record<string, string> = {}): Fault {
  return () => {
    const answer = failed(statusCode, code);
    return { ...answer, headers: { ...answer.headers, ...headers } };
  };
}

export const slowDown = refuses(503, 'SlowDown');

/** Performed, and then the connection breaks: the client cannot know. */
export const lostAnswer: Fault = (perform) => {
  perform();
  throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
};

/** The connection breaks before anything happens. */
export const lostRequest: Fault = () => {
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
};

/** The body breaks off after so many bytes. */
export function cutsBodyAfter(sizeBytes: number): Fault {
  return (perform) => {
    const answer = perform();
    const bytes = answer.body as Buffer;
    const body = new Readable({ read() {} });
    body.push(bytes.subarray(0, sizeBytes));
    setImmediate(() => body.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
    return { ...answer, body };
  };
}

/** The body stops after so many bytes, and the connection stays open. */
export function stallsBodyAfter(sizeBytes: number): Fault {
  return (perform) => {
    const answer = perform();
    const body = new Readable({ read() {} });
    body.push((answer.body as Buffer).subarray(0, sizeBytes));
    return { ...answer, body };
  };
}

/** Never answers. */
export const hangs: Fault = () => new Promise(() => {});

/** Answers when it is let go. */
export function held(): { fault: Fault; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    fault: async (perform) => {
      await promise;
      return perform();
    },
    release: resolve,
  };
}

// ---- the protocol ----

interface RawRequest {
  method: string;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

async function parseRequest(raw: RawRequest): Promise<FakeRequest> {
  const query = Object.fromEntries(
    Object.entries(raw.query ?? {}).map(([name, value]) => [name, String(value ?? '')]),
  );
  const headers = Object.fromEntries(
    Object.entries(raw.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const body = await bodyOf(raw.body);
  const [, , ...key] = raw.path.split('/');
  return {
    operation: 'x-amz-copy-source' in headers ? 'UploadPartCopy' : operationOf(raw.method, query),
    key: decodeURIComponent(key.join('/')),
    query,
    headers,
    body,
  };
}

async function bodyOf(body: unknown): Promise<Buffer> {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  const pieces: Buffer[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function operationOf(method: string, query: Record<string, string>): S3Operation {
  if (method === 'HEAD') return 'HeadObject';
  if (method === 'GET') return 'list-type' in query ? 'ListObjectsV2' : 'GetObject';
  if (method === 'PUT') return 'uploadId' in query ? 'UploadPart' : 'PutObject';
  if (method === 'DELETE') return 'uploadId' in query ? 'AbortMultipartUpload' : 'DeleteObject';
  if ('delete' in query) return 'DeleteObjects';
  return 'uploads' in query ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
}

function headOf({ bytes, etag, metadata }: FakeObject): FakeAnswer {
  const headers: Record<string, string> = { etag, 'content-length': String(bytes.length) };
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  return { statusCode: 200, headers, body: '' };
}

function rangeOf(object: FakeObject, range: string | undefined): FakeAnswer {
  const { headers } = headOf(object);
  if (range === undefined) return { statusCode: 200, headers, body: object.bytes };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range)!;
  const start = Number(from);
  if (start >= object.bytes.length) return failed(416, 'InvalidRange');
  const end = Math.min(to === '' ? Number.POSITIVE_INFINITY : Number(to) + 1, object.bytes.length);
  return {
    statusCode: 206,
    headers: {
      ...headers,
      'content-length': String(end - start),
      'content-range': `bytes ${start}-${end - 1}/${object.bytes.length}`,
    },
    body: object.bytes.subarray(start, end),
  };
}

function metadataOf(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith('x-amz-meta-'))
      .map(([name, value]) => [name.slice('x-amz-meta-'.length), value]),
  );
}

function xml(text: string): FakeAnswer {
  return { statusCode: 200, headers: { 'content-type': 'application/xml' }, body: text };
}

export function failed(statusCode: number, code: string): FakeAnswer {
  return {
    statusCode,
    headers: { 'content-type': 'application/xml', 'x-amz-request-id': 'REQUEST1' },
    body: `<Error><Code>${code}</Code><Message>the fake says ${code}</Message></Error>`,
  };
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

/** As from a socket. */
function* inPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

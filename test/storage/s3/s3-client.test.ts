/** The client against a server on this machine, over HTTP: whether bytes survive that all connections share one buffer. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { createS3Client } from '../../../src/storage/s3/s3-client.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';

const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const RANGE_BYTES = 300_000;
const RANGES = 24;

/** Each byte depends on its position, so that a byte of another range or of an earlier chunk shows. */
function bytesAt(start: number, sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  for (let at = 0; at < sizeBytes; at++) bytes[at] = Math.imul(start + at, 2_654_435_761) >>> 24;
  return bytes;
}

async function servedObject() {
  const sizeBytes = RANGES * RANGE_BYTES;
  const server = createServer((request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '')!;
    const [start, end] = [Number(from), Number(to) + 1];
    const body = bytesAt(start, end - start);
    response.writeHead(206, {
      'content-length': body.length,
      'content-range': `bytes ${start}-${end - 1}/${sizeBytes}`,
      etag: '"e"',
    });
    // In pieces, so that the bytes of several connections alternate.
    for (let at = 0; at < body.length; at += 50_000) response.write(body.subarray(at, at + 50_000));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createS3Client({
    ...CREDENTIALS,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  return {
    store: new S3Store({ bucket: 'bucket', client }),
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('createS3Client()', () => {
  it('keeps the bytes of many connections apart', async () => {
    await using served = await servedObject();
    const ranges = Array.from({ length: RANGES }, (_, index) => index * RANGE_BYTES);

    for (let round = 0; round < 3; round++) {
      const bodies = await Promise.all(
        ranges.map((start) => served.store.get('key', { range: { start, end: start + RANGE_BYTES } })),
      );

      for (const [index, body] of bodies.entries()) {
        expect(body.equals(bytesAt(ranges[index]!, RANGE_BYTES))).toBe(true);
      }
    }
  });

  it('signs the CRC-32 of an object instead of its bytes over TLS, and the bytes without TLS', async () => {
    const body = Buffer.from('some bytes');
    const headersTo = async (endpoint: string): Promise<Record<string, string>> => {
      const client = createS3Client({ ...CREDENTIALS, endpoint });
      let headers: Record<string, string> = {};
      client.middlewareStack.add(
        () => async (args) => {
          ({ headers } = args.request as { headers: Record<string, string> });
          throw new Error('not sent');
        },
        { step: 'finalizeRequest', priority: 'low' },
      );
      const sent = client.send(
        new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: body, ChecksumAlgorithm: 'CRC32' }),
      );
      await expect(sent).rejects.toThrow('not sent');
      return headers;
    };

    const overTls = await headersTo('https://127.0.0.1:1');
    const plain = await headersTo('http://127.0.0.1:1');

    expect(overTls['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
    expect(overTls['x-amz-checksum-crc32']).toMatch(/^.{6}==$/);
    expect(overTls.authorization).toMatch(/SignedHeaders=[^,]*x-amz-checksum-crc32;x-amz-content-sha256/);
    expect(plain['x-amz-content-sha256']).toBe(createHash('sha256').update(body).digest('hex'));
  });
});

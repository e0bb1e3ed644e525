import http from 'node:http';
import https from 'node:https';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';

import { describeOnEmulators, uniqueName } from './with-emulator.ts';

/** The behaviour of S3 that the commit protocol relies on. */
describeOnEmulators('S3', (emulator) => {
  // A retry by the SDK would look like another writer. No request may therefore use a connection that the emulator may
  // be closing.
  const agents = { httpAgent: new http.Agent(), httpsAgent: new https.Agent() };
  const s3 = new S3Client({ ...emulator.clientConfig, maxAttempts: 1, requestHandler: agents });
  const Bucket = uniqueName('bucket');

  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket }));
  });

  test('answers a conditional PUT of an existing key with 412', async () => {
    const put = (Body: string) =>
      s3.send(new PutObjectCommand({ Bucket, Key: 'put', Body, IfNoneMatch: '*' }));
    await put('first');

    const second = await statusOf(put('second'));

    expect(second).toBe(412);
    expect(await text('put')).toBe('first');
  });

  test('lets exactly one of many simultaneous conditional PUTs succeed', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) => `body ${index}`);

    const statuses = await Promise.all(
      bodies.map((Body) =>
        statusOf(s3.send(new PutObjectCommand({ Bucket, Key: 'put-race', Body, IfNoneMatch: '*' }))),
      ),
    );

    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(
      statuses.filter((status) => status !== 200).every((status) => status === 412 || status === 409),
    ).toBe(true);
    expect(await text('put-race')).toBe(bodies[statuses.indexOf(200)]);
  });

  test('answers a conditional CompleteMultipartUpload of an existing key with 412', async () => {
    const first = await upload('multipart', 'first', { attempt: 'a' });
    const second = await upload('multipart', 'second', { attempt: 'b' });
    expect(await statusOf(first.complete())).toBe(200);

    const refused = await statusOf(second.complete());

    expect(refused).toBe(412);
    expect(await text('multipart')).toBe('first');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'multipart' }));
    expect(head.Metadata).toEqual({ attempt: 'a' });
  });

  test('lets exactly one of many simultaneous conditional completions succeed', async () => {
    for (let round = 0; round < 5; round++) {
      const Key = `multipart-race-${round}`;
      const uploads = await Promise.all(
        Array.from({ length: 12 }, (_, index) => upload(Key, `body ${index}`)),
      );

      const statuses = await Promise.all(uploads.map((one) => statusOf(one.complete())));

      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(await text(Key)).toBe(`body ${statuses.indexOf(200)}`);
    }
  });

  test('a conditional completion fails after a conditional PUT, and a conditional PUT fails after a completion', async () => {
    const late = await upload('put-then-multipart', 'multipart');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'put-then-multipart', Body: 'put', IfNoneMatch: '*' }));
    const early = await upload('multipart-then-put', 'multipart');
    await early.complete();

    const lateStatus = await statusOf(late.complete());
    const putStatus = await statusOf(
      s3.send(new PutObjectCommand({ Bucket, Key: 'multipart-then-put', Body: 'put', IfNoneMatch: '*' })),
    );

    expect([lateStatus, putStatus]).toEqual([412, 412]);
  });

  test("a completion that is sent again because its answer was lost is not taken for another attempt's success", async () => {
    const only = await upload('lost-answer', 'body', { attempt: 'a' });
    await only.complete();

    const again = await statusOf(only.complete());

    // AWS answers 200 for a while, like MiniStack; LocalStack has forgotten the upload. In both cases the attempt finds
    // its own id in the metadata.
    expect(again).toBe(emulator.name === 'MiniStack' ? 200 : 404);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'lost-answer' }));
    expect(head.Metadata).toEqual({ attempt: 'a' });
  });

  test('on LocalStack, an upload started while the key existed cannot complete conditionally after the key is deleted', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'deleted-meanwhile', Body: 'old' }));
    const begun = await upload('deleted-meanwhile', 'new');
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'deleted-meanwhile' }));

    const status = await statusOf(begun.complete());

    expect(status).toBe(emulator.name === 'LocalStack' ? 409 : 200);
  });

  test('answers a GET with If-Match of another ETag with 412', async () => {
    const before = await s3.send(new PutObjectCommand({ Bucket, Key: 'pinned', Body: 'before' }));
    const get = () => s3.send(new GetObjectCommand({ Bucket, Key: 'pinned', IfMatch: before.ETag! }));
    expect(await statusOf(get())).toBe(200);

    await s3.send(new PutObjectCommand({ Bucket, Key: 'pinned', Body: 'after' }));

    expect(await statusOf(get())).toBe(412);
  });

  test('answers a ranged GET with those bytes, and with 416 behind the end', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'range', Body: '0123456789' }));
    const range = (Range: string) => s3.send(new GetObjectCommand({ Bucket, Key: 'range', Range }));

    const middle = await range('bytes=3-5');
    const last = await range('bytes=-2');

    expect(await middle.Body!.transformToString()).toBe('345');
    expect(middle.ContentRange).toBe('bytes 3-5/10');
    expect(await last.Body!.transformToString()).toBe('89');
    expect(await statusOf(range('bytes=10-12'))).toBe(416);
  });

  test('answers 404 for a missing key', async () => {
    const status = await statusOf(s3.send(new GetObjectCommand({ Bucket, Key: 'nowhere' })));

    expect(status).toBe(404);
  });

  async function upload(Key: string, body: string, Metadata: Record<string, string> = {}) {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata }));
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: body }));
    const complete = () =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          IfNoneMatch: '*',
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
        }),
      );
    return { complete };
  }

  async function text(Key: string): Promise<string> {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return await got.Body!.transformToString();
  }
});

async function statusOf(
  request: Promise<{ $metadata: { httpStatusCode?: number | undefined } }>,
): Promise<number> {
  try {
    const { httpStatusCode } = (await request).$metadata;
    return httpStatusCode === 206 ? 200 : httpStatusCode!;
  } catch (error) {
    const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === undefined) throw error;
    return $metadata.httpStatusCode;
  }
}

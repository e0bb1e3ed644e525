import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { keysOf } from '../../helpers/keys-of.ts';
import { infosOf } from '../object-store-contract.ts';
import { FakeS3, slowDown } from './s3-fake-service.ts';

function setUp({ keys, prefix = '' }: { keys: readonly string[]; prefix?: string }) {
  const s3 = new FakeS3();
  for (const key of keys) s3.objects.set(key, { bytes: Buffer.from(key), etag: '"1"', metadata: {} });
  const limits = { backoffMsBase: 1, backoffMsMax: 1 };
  return { s3, store: new S3Store({ client: s3.client(), bucket: 'bucket', prefix, limits }) };
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `in/${String(i).padStart(6, '0')}`);

describe('a listing', () => {
  it('fetches pages of 1,000 keys until S3 reports no more', async () => {
    const keys = numbered(2_500);
    const { s3, store } = setUp({ keys });

    expect(await keysOf(store, 'in/')).toEqual(keys);

    expect(s3.count('ListObjectsV2')).toBe(3);
  });

  it('fetches a page ahead of its reader, and no more', async () => {
    const { s3, store } = setUp({ keys: numbered(5_000) });
    const listing = store.list('in/');

    await listing.next();
    while (s3.count('ListObjectsV2') < 2) await sleep(1);
    await sleep(20);
    expect(s3.count('ListObjectsV2')).toBe(2);
    await listing.return?.();

    expect(s3.count('ListObjectsV2')).toBe(2);
  });

  it('continues after refused pages', async () => {
    const keys = numbered(3_000);
    const { s3, store } = setUp({ keys });
    s3.on('ListObjectsV2', slowDown, (perform) => perform(), slowDown, slowDown);

    expect(await keysOf(store, 'in/')).toEqual(keys);
    expect(s3.faultsLeft).toBe(0);
  });

  it('fails, instead of ending early, if a page has no continuation token', async () => {
    const { s3, store } = setUp({ keys: numbered(10) });
    s3.on('ListObjectsV2', (perform) => {
      const answer = perform();
      return { ...answer, body: (answer.body as string).replace('>false<', '>true<') };
    });

    await expect(keysOf(store, 'in/')).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringMatching(/is incomplete/),
    });
  });

  it('fails if keys are not in byte order', async () => {
    const { s3, store } = setUp({ keys: ['a', 'b'] });
    s3.on('ListObjectsV2', (perform) => {
      const answer = perform();
      return { ...answer, body: (answer.body as string).replace('>a<', '>c<') };
    });

    await expect(keysOf(store, '')).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/lists 'b' after 'c'.*general purpose bucket/),
    });
  });

  it('returns keys that XML cannot represent', async () => {
    const keys = ['\u0001', 'a\nb', 'a\rb', 'a b+c%20d', 'x&<>"\''];
    const { store } = setUp({ keys });

    expect(await keysOf(store, '')).toEqual(keys);
  });

  it("omits the store's own prefix, and keys outside of it", async () => {
    const { store } = setUp({ keys: ['other/x', 'team/a', 'team/b/c', 'teams/x'], prefix: 'team' });

    expect(await infosOf(store, '')).toEqual([
      { key: 'a', sizeBytes: 6, etag: '"1"', metadata: {} },
      { key: 'b/c', sizeBytes: 8, etag: '"1"', metadata: {} },
    ]);
    expect(store.location).toBe('s3://bucket/team');
  });
});

describe('deletion', () => {
  it('removes a thousand keys with each request', async () => {
    const keys = numbered(2_300);
    const { s3, store } = setUp({ keys });

    await store.delete(keys);

    expect(s3.objects.size).toBe(0);
    expect(s3.count('DeleteObjects')).toBe(3);
    expect(s3.requests).toHaveLength(3);
  });

  it('names a key that could not be removed despite a response of 200', async () => {
    const { s3, store } = setUp({ keys: ['a', 'b', 'c'], prefix: '' });
    s3.on('DeleteObjects', deletionErrors({ b: 'AccessDenied', c: 'InternalError' }));

    await expect(store.delete(['a', 'b', 'c'])).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/Grant s3:DeleteObject on arn:aws:s3:::bucket\/b .*/),
    });
  });

  it('retries only the keys that could not be removed yet', async () => {
    const { s3, store } = setUp({ keys: ['a', 'b', 'c'] });
    s3.on('DeleteObjects', deletionErrors({ b: 'InternalError' }), deletionErrors({ b: 'SlowDown' }));

    await store.delete(['a', 'b', 'c']);

    expect(
      s3.requests.map(({ body }) => [...body.toString().matchAll(/<Key>(.)</g)].map((m) => m[1])),
    ).toEqual([['a', 'b', 'c'], ['b'], ['b']]);
  });

  it.each([
    ['DeleteObject', ['a']],
    ['DeleteObjects', ['a', 'b']],
  ] as const)('sends %s again only while it is wanted', async (operation, keys) => {
    const { s3, store } = setUp({ keys });
    s3.on(operation, slowDown, slowDown);
    const answers = [true, false];

    await store.delete(keys, { stillWanted: async () => answers.shift()! });

    expect(answers).toEqual([]);
    expect(s3.count(operation)).toBe(2);
    expect([...s3.objects.keys()]).toEqual(keys);
  });

  it('removes keys that XML cannot represent one by one', async () => {
    const keys = ['a', 'b', '\u0001', '\u0002'];
    const { s3, store } = setUp({ keys });

    await store.delete(keys);

    expect(s3.objects.size).toBe(0);
    expect(s3.count('DeleteObjects')).toBe(1);
    expect(s3.count('DeleteObject')).toBe(2);
  });
});

/** An answer of 200 that names keys which were not removed. */
function deletionErrors(codes: Record<string, string>) {
  const errors = Object.entries(codes).map(
    ([key, code]) =>
      `<Error><Key>${key}</Key><Code>${code}</Code><Message>the fake says ${code}</Message></Error>`,
  );
  return () => ({ statusCode: 200, headers: {}, body: `<DeleteResult>${errors.join('')}</DeleteResult>` });
}

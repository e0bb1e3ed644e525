/**
 * The contract of every ObjectStore, as one suite for all of them: a job that is correct on one store is correct on the
 * others exactly as far as these tests reach.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../src/base/limits.ts';
import { appendObject } from '../../src/storage/append-object.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { keysOf } from '../helpers/keys-of.ts';

export interface ContractOptions {
  /** How many random listings to compare with the oracle; fewer if each write costs a request. */
  readonly listingCases?: number;
  /** Whether writes support `ifMatch`: true except for files. */
  readonly replacesOnCondition?: boolean;
}

/** `makeStore` is called once per test and creates an empty store. */
export function describeObjectStoreContract(
  name: string,
  makeStore: () => Promise<ObjectStore>,
  { listingCases = 1000, replacesOnCondition = true }: ContractOptions = {},
): void {
  const PRECONDITION_FAILED = { name: 'PreconditionFailedError' };
  const NOT_FOUND = { name: 'ObjectNotFoundError' };

  describe(`${name} as an object store`, () => {
    it('returns what was put, with its size and ETag', async () => {
      const store = await makeStore();

      const put = await store.put('folder/a.txt', Buffer.from('hello'));

      expect(put).toMatchObject({ key: 'folder/a.txt', sizeBytes: 5, metadata: {} });
      expect(put.etag).not.toBe('');
      expect(await store.head('folder/a.txt')).toEqual(put);
      expect((await store.get('folder/a.txt')).toString()).toBe('hello');
    });

    it('holds empty objects', async () => {
      const store = await makeStore();
      await store.put('put', Buffer.alloc(0));
      await (await store.upload('uploaded')).complete();

      for (const key of ['put', 'uploaded']) {
        expect((await store.head(key))?.sizeBytes).toBe(0);
        expect(await store.get(key)).toHaveLength(0);
        expect(await chunkSizes(store.stream(key))).toEqual([]);
      }
    });

    it('distinguishes absent objects from empty ones', async () => {
      const store = await makeStore();
      await store.put('folder/a', Buffer.from('a'));

      for (const key of ['b', 'folder/b', 'folder', 'folder/a/b']) {
        expect(await store.head(key)).toBeUndefined();
        await expect(store.get(key)).rejects.toMatchObject(NOT_FOUND);
        await expect(store.get(key, { range: { start: 0, end: 0 } })).rejects.toMatchObject(NOT_FOUND);
        await expect(store.stream(key).next()).rejects.toMatchObject(NOT_FOUND);
      }
    });

    it('distinguishes keys of all characters', async () => {
      const store = await makeStore();
      const keys = [
        'ä',
        'a b',
        'a%20b',
        '日本/語',
        '😀',
        "it's",
        'a+b',
        'a&b=c',
        '#',
        '?x',
        'a\\b',
        '-',
        '..a',
        'a..',
      ];
      for (const key of keys) await store.put(key, Buffer.from(key));

      for (const key of keys) expect((await store.get(key)).toString()).toBe(key);

      expect(await keysOf(store, '')).toEqual(inByteOrder(keys));
    });

    it('does not use the buffer after a write has resolved', async () => {
      const store = await makeStore();
      const buffer = Buffer.from('first');
      await store.put('put', buffer);
      const upload = await store.upload('uploaded');
      await upload.write(buffer);

      buffer.write('other');
      await upload.complete();

      expect((await store.get('put')).toString()).toBe('first');
      expect((await store.get('uploaded')).toString()).toBe('first');
    });

    describe('visibility', () => {
      it('shows nothing of an upload before it is completed, and all of it after', async () => {
        const store = await makeStore();
        const upload = await store.upload('a/b', { metadata: { attempt: 'm-00000.1' } });
        await upload.write(Buffer.from('one '));
        await upload.write(Buffer.from('two'));
        expect(await store.head('a/b')).toBeUndefined();
        await expect(store.get('a/b')).rejects.toMatchObject(NOT_FOUND);
        expect(await keysOf(store, '')).toEqual([]);

        const completed = await upload.complete();

        expect((await store.get('a/b')).toString()).toBe('one two');
        expect(completed).toMatchObject({ key: 'a/b', sizeBytes: 7, metadata: { attempt: 'm-00000.1' } });
        expect(await store.head('a/b')).toEqual(completed);
        expect(await keysOf(store, '')).toEqual(['a/b']);
      });

      it('shows the old object until the new one is complete', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.from('old'));
        const upload = await store.upload('a');
        await upload.write(Buffer.from('new and longer'));
        expect((await store.get('a')).toString()).toBe('old');

        await upload.complete();

        expect((await store.get('a')).toString()).toBe('new and longer');
      });

      it('never shows readers a mixture while an object is replaced again and again', async () => {
        const store = await makeStore();
        const version = (byte: number) => Buffer.alloc(100_000 + byte, byte);
        await store.put('a', version(0));
        let writing = true;
        const writer = (async () => {
          for (let byte = 1; byte <= 50; byte++) await store.put('a', version(byte));
          writing = false;
        })();

        let reads = 0;
        while (writing) {
          const bytes = await store.get('a');
          expect(bytes.equals(version(bytes[0]!))).toBe(true);
          reads += 1;
        }

        await writer;
        expect(reads).toBeGreaterThan(0);
        expect(await keysOf(store, '')).toEqual(['a']);
      });

      it('discards an aborted upload, however often it is aborted', async () => {
        const store = await makeStore();
        const upload = await store.upload('a');
        await upload.write(Buffer.from('x'));

        await upload.abort();
        await upload.abort();

        expect(await store.head('a')).toBeUndefined();
        await expect(upload.complete()).rejects.toThrow('after it had ended');
        expect(await store.head('a')).toBeUndefined();
      });

      it('keeps a completed object when its upload is aborted afterwards', async () => {
        const store = await makeStore();
        const upload = await store.upload('a');
        await upload.write(Buffer.from('x'));
        await upload.complete();

        await upload.abort();

        expect((await store.get('a')).toString()).toBe('x');
      });

      it('returns exactly what was written in pieces of any size', async () => {
        const store = await makeStore();
        await fc.assert(
          fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 8 }), async (pieces) => {
            const upload = await store.upload('pieces');
            const [first, ...others] = pieces;
            if (first !== undefined) await upload.write(first);
            if (upload.writeAll !== undefined) await upload.writeAll(others);
            else for (const piece of others) await upload.write(piece);
            const info = await upload.complete();

            const expected = Buffer.concat(pieces);
            expect(info.sizeBytes).toBe(expected.length);
            expect((await store.get('pieces')).equals(expected)).toBe(true);
          }),
          { numRuns: Math.min(50, listingCases) },
        );
      });
    });

    describe('an object appended to an upload', () => {
      it('is included byte for byte, for any sizes', async () => {
        const store = await makeStore();
        const pieces: Buffer[] = [];
        const upload = await store.upload('whole');
        for (const [index, sizeBytes] of [3, 9 * MiB, 0, 100, 13 * MiB + 1, 6 * MiB, 8 * MiB, 1].entries()) {
          const bytes = noise(sizeBytes, index + 1);
          const object = await store.put(`folder/part ${index}+%.ä`, bytes);
          await appendObject(upload, { store, object });
          await upload.write(Buffer.from('between'));
          pieces.push(bytes, Buffer.from('between'));
        }

        const info = await upload.complete();

        const whole = Buffer.concat(pieces);
        expect(info.sizeBytes).toBe(whole.length);
        expect((await store.get('whole')).equals(whole)).toBe(true);
      });

      it.each([5, 9 * MiB])(
        'is the one that was looked at, or the upload fails: %i bytes',
        async (sizeBytes) => {
          const store = await makeStore();
          const object = await store.put('part', noise(sizeBytes, 1));
          await store.put('part', noise(sizeBytes, 2));
          const upload = await store.upload('whole');

          const attempt = async () => {
            await appendObject(upload, { store, object });
            await upload.complete();
          };

          await expect(attempt()).rejects.toMatchObject(PRECONDITION_FAILED);
          await upload.abort();
          expect(await store.head('whole')).toBeUndefined();
        },
      );
    });

    describe('conditions', () => {
      it('writes with ifNoneMatch only if the key is free', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.from('first'), { ifNoneMatch: '*' });

        await expect(store.put('a', Buffer.from('second'), { ifNoneMatch: '*' })).rejects.toMatchObject(
          PRECONDITION_FAILED,
        );
        const upload = await store.upload('a');
        await upload.write(Buffer.from('third'));
        await expect(upload.complete({ ifNoneMatch: '*' })).rejects.toMatchObject(PRECONDITION_FAILED);
        await upload.abort();

        expect((await store.get('a')).toString()).toBe('first');
      });

      it('lets exactly one of 20 concurrent uploads with ifNoneMatch win, whole, with its own metadata', async () => {
        const store = await makeStore();
        const uploads = await Promise.all(
          Array.from({ length: 20 }, async (_, writer) => {
            const upload = await store.upload('contested/key', { metadata: { writer: String(writer) } });
            await upload.write(Buffer.alloc(1000, writer));
            await upload.write(Buffer.alloc(1000, writer));
            return upload;
          }),
        );

        const outcomes = await Promise.allSettled(
          uploads.map((upload) => upload.complete({ ifNoneMatch: '*' })),
        );

        const winners = outcomes.flatMap((outcome, writer) =>
          outcome.status === 'fulfilled' ? [writer] : [],
        );
        expect(winners).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(PRECONDITION_FAILED);
        }
        expect((await store.get('contested/key')).equals(Buffer.alloc(2000, winners[0]))).toBe(true);
        expect((await store.head('contested/key'))?.metadata).toEqual({ writer: String(winners[0]) });
        expect(await keysOf(store, '')).toEqual(['contested/key']);
      });

      it('frees the key for ifNoneMatch when the object is deleted', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.from('1'), { ifNoneMatch: '*' });
        await store.delete(['a']);

        await store.put('a', Buffer.from('2'), { ifNoneMatch: '*' });

        expect((await store.get('a')).toString()).toBe('2');
      });

      it.runIf(replacesOnCondition)('replaces with ifMatch only the object that has the ETag', async () => {
        const store = await makeStore();
        const first = await store.put('a', Buffer.from('first'));
        const second = await store.put('a', Buffer.from('second'), { ifMatch: first.etag });

        const stale = { ifMatch: first.etag };
        await expect(store.put('a', Buffer.from('third'), stale)).rejects.toMatchObject(PRECONDITION_FAILED);
        await expect(store.put('absent', Buffer.from('b'), stale)).rejects.toMatchObject(PRECONDITION_FAILED);
        const upload = await store.upload('a');
        await upload.write(Buffer.from('fourth'));
        await expect(upload.complete(stale)).rejects.toMatchObject(PRECONDITION_FAILED);

        expect((await store.get('a')).toString()).toBe('second');
        const large = await store.upload('a');
        await large.write(Buffer.alloc(9 * MiB, 'x'));
        await large.complete({ ifMatch: second.etag });
        expect((await store.head('a'))?.sizeBytes).toBe(9 * MiB);
        expect(await store.head('absent')).toBeUndefined();
      });

      it.runIf(replacesOnCondition)('lets exactly one of 10 concurrent replacements win', async () => {
        const store = await makeStore();
        const { etag } = await store.put('a', Buffer.from('before'));

        const outcomes = await Promise.allSettled(
          Array.from({ length: 10 }, (_, writer) =>
            store.put('a', Buffer.from(`writer ${writer}`), { ifMatch: etag }),
          ),
        );

        const winners = outcomes.flatMap(({ status }, writer) => (status === 'fulfilled' ? [writer] : []));
        expect(winners).toHaveLength(1);
        expect((await store.get('a')).toString()).toBe(`writer ${winners[0]}`);
      });

      it.runIf(!replacesOnCondition)('refuses ifMatch for a write', async () => {
        const store = await makeStore();
        const { etag } = await store.put('a', Buffer.from('first'));

        await expect(store.put('a', Buffer.from('second'), { ifMatch: etag })).rejects.toThrow(
          'does not support ifMatch for writes',
        );

        expect((await store.get('a')).toString()).toBe('first');
      });

      it('reads with ifMatch only the version that has the ETag', async () => {
        const store = await makeStore();
        const { etag } = await store.put('a', Buffer.from('old'));
        expect((await store.get('a', { ifMatch: etag })).toString()).toBe('old');
        expect(await chunkSizes(store.stream('a', { ifMatch: etag }))).toEqual([3]);

        await store.put('a', Buffer.from('new'));

        await expect(store.get('a', { ifMatch: etag })).rejects.toMatchObject(PRECONDITION_FAILED);
        await expect(store.stream('a', { ifMatch: etag }).next()).rejects.toMatchObject(PRECONDITION_FAILED);
      });

      it('returns the same ETag from put, head and list, and another one after each change of the bytes', async () => {
        const store = await makeStore();
        const etags = new Set<string>();
        for (let version = 0; version < 30; version++) {
          const { etag } = await store.put('a', Buffer.from([version]));
          etags.add(etag);
          expect((await store.head('a'))?.etag).toBe(etag);
          expect((await infosOf(store, 'a'))[0]!.etag).toBe(etag);
        }

        expect(etags.size).toBe(30);
      });
    });

    describe('ranges', () => {
      const BYTES = Buffer.from('0123456789');

      it.each([
        ['the whole object', { start: 0, end: 10 }, '0123456789'],
        ['a part', { start: 2, end: 5 }, '234'],
        ['the last byte', { start: 9, end: 10 }, '9'],
        ['an end beyond the object, cut', { start: 8, end: 1000 }, '89'],
        ['nothing where start is end', { start: 4, end: 4 }, ''],
        ['nothing at the very end', { start: 10, end: 12 }, ''],
        ['nothing beyond the end', { start: 50, end: 60 }, ''],
      ])('reads %s', async (_, range, expected) => {
        const store = await makeStore();
        const { etag } = await store.put('a', BYTES);

        expect((await store.get('a', { range })).toString()).toBe(expected);
        expect((await store.get('a', { range, ifMatch: etag })).toString()).toBe(expected);
        expect((await contentOf(store.stream('a', { range, chunkSizeBytes: 3 }))).toString()).toBe(expected);
      });

      it.each([
        [{ start: -1, end: 3 }],
        [{ start: 3, end: 2 }],
        [{ start: 0.5, end: 3 }],
        [{ start: 0, end: Number.NaN }],
      ])('refuses %j as a mistake', async (range) => {
        const store = await makeStore();
        await store.put('a', BYTES);

        await expect(store.get('a', { range })).rejects.toThrow(RangeError);
        await expect(store.stream('a', { range }).next()).rejects.toThrow(RangeError);
      });

      it('reads any range of an object as slice() does', async () => {
        const store = await makeStore();
        const bytes = noise(1000, 7);
        await store.put('a', bytes);

        await fc.assert(
          fc.asyncProperty(
            fc.nat(1100),
            fc.nat(1100),
            fc.integer({ min: 1, max: 1200 }),
            async (x, y, chunkSizeBytes) => {
              const range = { start: Math.min(x, y), end: Math.max(x, y) };
              const expected = bytes.subarray(range.start, range.end);

              expect((await store.get('a', { range })).equals(expected)).toBe(true);
              expect((await contentOf(store.stream('a', { range, chunkSizeBytes }))).equals(expected)).toBe(
                true,
              );
            },
          ),
          { numRuns: Math.min(100, listingCases) },
        );
      });
    });

    describe('streams', () => {
      const SIZE = 20 * MiB;

      it.each([[256 * 1024], [1_000_003], [65_537], [20 * MiB], [50 * MiB]])(
        'gives 20 MiB in chunks of %i bytes, all of that size but the last',
        async (chunkSizeBytes) => {
          const store = await makeStore();
          const bytes = noise(SIZE, 20);
          await store.put('large', bytes);

          const hash = createHash('sha1');
          const sizes: number[] = [];
          for await (const chunk of store.stream('large', { chunkSizeBytes })) {
            hash.update(chunk);
            sizes.push(chunk.length);
          }

          expect(hash.digest('hex')).toBe(createHash('sha1').update(bytes).digest('hex'));
          const last = SIZE % chunkSizeBytes || chunkSizeBytes;
          expect(sizes.pop()).toBe(last);
          expect(sizes.every((size) => size === chunkSizeBytes)).toBe(true);
        },
      );

      it('uses chunks of 256 KiB by default', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.alloc(600_000));

        expect(await chunkSizes(store.stream('a'))).toEqual([262_144, 262_144, 75_712]);
      });

      it.each([[0], [-1], [1.5], [Number.NaN]])(
        'refuses a chunk size of %d as a mistake',
        async (chunkSizeBytes) => {
          const store = await makeStore();
          await store.put('a', Buffer.from('a'));

          await expect(store.stream('a', { chunkSizeBytes }).next()).rejects.toThrow(RangeError);
        },
      );

      it('does not change a chunk until the next one is requested', async () => {
        const store = await makeStore();
        const bytes = noise(100_000, 3);
        await store.put('a', bytes);

        let offset = 0;
        for await (const chunk of store.stream('a', { chunkSizeBytes: 10_000 })) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          expect(chunk.equals(bytes.subarray(offset, offset + 10_000))).toBe(true);
          offset += chunk.length;
        }

        expect(offset).toBe(100_000);
      });

      it('ends when the reader leaves early, before or after the first chunk', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.alloc(100_000));
        const unread = store.stream('a', { chunkSizeBytes: 1000 });
        await unread.return?.();

        for await (const _chunk of store.stream('a', { chunkSizeBytes: 1000 })) break;

        expect(await unread.next()).toEqual({ done: true, value: undefined });
        await store.delete(['a']);
        expect(await store.head('a')).toBeUndefined();
      });

      it('reads many streams of one object side by side', async () => {
        const store = await makeStore();
        const bytes = noise(200_000, 5);
        await store.put('a', bytes);

        const contents = await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            contentOf(store.stream('a', { chunkSizeBytes: 1000 + 777 * i })),
          ),
        );

        expect(contents.every((content) => content.equals(bytes))).toBe(true);
      });
    });

    describe('metadata', () => {
      it('is returned by head as it was given to put and upload', async () => {
        const store = await makeStore();
        const metadata = { 'attempt-id': 'm-00042.1', note: 'with = signs, "quotes" and  spaces', empty: '' };
        await store.put('put', Buffer.from('a'), { metadata });
        await (await store.upload('uploaded', { metadata })).complete({ ifNoneMatch: '*' });

        expect((await store.head('put'))?.metadata).toEqual(metadata);
        expect((await store.head('uploaded'))?.metadata).toEqual(metadata);
      });

      it('belongs to the version of the object that it came with', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.from('same'), { metadata: { version: '1' } });
        await store.put('a', Buffer.from('same'), { metadata: { version: '2' } });
        expect((await store.head('a'))?.metadata).toEqual({ version: '2' });

        await store.put('a', Buffer.from('same'));
        expect((await store.head('a'))?.metadata).toEqual({});
      });

      it('always matches the bytes while an object is replaced again and again', async () => {
        const store = await makeStore();
        const put = (size: number) =>
          store.put('a', Buffer.alloc(size), { metadata: { size: String(size) } });
        await put(0);
        let writing = true;
        const writer = (async () => {
          for (let size = 1; size <= 300; size++) await put(size);
          writing = false;
        })();

        while (writing) {
          for (const info of await Promise.all([store.head('a'), store.head('a'), store.head('a')])) {
            expect(info?.metadata).toEqual({ size: String(info?.sizeBytes) });
          }
        }

        await writer;
      });

      it.each([
        ['a name with upper-case letters', { Attempt: '1' }],
        ['a value beyond ASCII', { name: 'é' }],
        ['a line break', { name: 'a\nb' }],
        ['more than 2 KiB', { name: 'x'.repeat(2048) }],
      ])('refuses %s as a mistake', async (_, metadata) => {
        const store = await makeStore();

        await expect(store.put('a', Buffer.from('a'), { metadata })).rejects.toThrow(/metadata/);
        await expect(store.upload('a', { metadata })).rejects.toThrow(/metadata/);

        expect(await store.head('a')).toBeUndefined();
      });
    });

    describe('listing', () => {
      it('lists nothing in an empty store', async () => {
        const store = await makeStore();

        expect(await keysOf(store, '')).toEqual([]);
        expect(await keysOf(store, 'no/such/prefix')).toEqual([]);
      });

      it('orders keys by their bytes, not by folder and not by UTF-16', async () => {
        const store = await makeStore();
        const ordered = [
          'B',
          'a-b/x',
          'a.b',
          'a/x',
          'a/y/z',
          'a/y0',
          'a0',
          'ab',
          'é',
          '\u{e000}',
          '\u{ffee}',
          '\u{1f600}',
        ];
        for (const key of ordered.toReversed()) await store.put(key, Buffer.from('.'));

        expect(await keysOf(store, '')).toEqual(ordered);
      });

      it('treats the prefix as text: it may end inside of a name', async () => {
        const store = await makeStore();
        const keys = ['in', 'in-a', 'input/a', 'input/b/c', 'input/bd', 'inputs', 'other'];
        for (const key of keys) await store.put(key, Buffer.from(key));

        expect(await keysOf(store, 'in')).toEqual([
          'in',
          'in-a',
          'input/a',
          'input/b/c',
          'input/bd',
          'inputs',
        ]);
        expect(await keysOf(store, 'input/')).toEqual(['input/a', 'input/b/c', 'input/bd']);
        expect(await keysOf(store, 'input/b')).toEqual(['input/b/c', 'input/bd']);
        expect(await keysOf(store, 'input/b/c')).toEqual(['input/b/c']);
        expect(await keysOf(store, 'other/')).toEqual([]);
      });

      it('returns size and ETag, but no metadata', async () => {
        const store = await makeStore();
        const { etag } = await store.put('a', Buffer.from('abc'), { metadata: { x: 'y' } });

        expect(await infosOf(store, '')).toEqual([{ key: 'a', sizeBytes: 3, etag, metadata: {} }]);
      });

      it('lists more objects than a page holds', async () => {
        const store = await makeStore();
        const keys = Array.from({ length: 1234 }, (_, i) => `many/${i % 7}/${i}`);
        for (let i = 0; i < keys.length; i += 50) {
          await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, Buffer.alloc(0))));
        }

        expect(await keysOf(store, 'many/')).toEqual(inByteOrder(keys));
      });

      it('equals the naive listing for random keys and prefixes', async () => {
        const store = await makeStore();
        let cases = 0;

        await fc.assert(
          fc.asyncProperty(keySets(), fc.nat(), fc.nat(12), async (keys, picked, length) => {
            cases += 1;
            const home = `case-${cases}/`;
            await Promise.all(keys.map((key) => store.put(home + key, Buffer.from(key))));
            const prefix = home + [...(keys[picked % keys.length] ?? '')].slice(0, length).join('');

            const listed = await keysOf(store, prefix);

            expect(listed).toEqual(
              inByteOrder(keys.map((key) => home + key)).filter((key) => key.startsWith(prefix)),
            );
          }),
          { numRuns: listingCases },
        );

        expect(cases).toBeGreaterThanOrEqual(listingCases);
      }, 300_000);
    });

    describe('deletion', () => {
      it('removes the named objects and no others', async () => {
        const store = await makeStore();
        for (const key of ['a', 'a.b', 'c/d', 'c/e']) await store.put(key, Buffer.from(key));

        await store.delete(['a', 'c/d']);

        expect(await keysOf(store, '')).toEqual(['a.b', 'c/e']);
        expect(await store.head('a')).toBeUndefined();
      });

      it('treats absent objects as removed', async () => {
        const store = await makeStore();
        await store.put('a', Buffer.from('a'));

        await store.delete(['a', 'never', 'never/either']);
        await store.delete(['a', 'never']);
        await store.delete([]);

        expect(await keysOf(store, '')).toEqual([]);
      });

      it('does not disturb writers to the folder that it empties', async () => {
        const store = await makeStore();

        for (let round = 0; round < 20; round++) {
          await store.put('folder/inner/old', Buffer.from('old'));
          await Promise.all([
            store.delete(['folder/inner/old']),
            store.put('folder/inner/new', Buffer.from('new'), { ifNoneMatch: '*' }),
          ]);
          expect(await keysOf(store, '')).toEqual(['folder/inner/new']);
          await store.delete(['folder/inner/new']);
        }
      });
    });
  });
}

export async function infosOf(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const infos: ObjectInfo[] = [];
  for await (const info of store.list(prefix)) infos.push(info);
  return infos;
}

export async function contentOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function chunkSizes(stream: AsyncIterable<Buffer>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const chunk of stream) sizes.push(chunk.length);
  return sizes;
}

/** The order of the oracle. */
function inByteOrder(keys: readonly string[]): string[] {
  return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Bytes that look random and are the same for the same seed (a linear congruential generator, Numerical Recipes). */
export function noise(sizeBytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, sizeBytes);
}

/** Keys around '/' in byte order and around the surrogates. None is the folder of another or an unusual path. */
function keySets(): fc.Arbitrary<string[]> {
  const character = fc.constantFrom(
    'a',
    'b',
    '/',
    '/',
    '-',
    '.',
    '0',
    '!',
    ' ',
    'é',
    '\u{e001}',
    '\u{ffee}',
    '\u{1f600}',
  );
  const key = fc
    .string({ unit: character, minLength: 1, maxLength: 8 })
    .filter((text) => !/(^|\/)\.{0,2}(\/|$)/.test(text));
  return fc.uniqueArray(key, { maxLength: 8 }).map((keys) => {
    return keys.filter((folder) => !keys.some((other) => other.startsWith(`${folder}/`)));
  });
}

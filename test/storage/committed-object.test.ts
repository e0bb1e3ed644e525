import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommittedObject } from '../../src/storage/committed-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';

const folder = folderOfFile('committed-object');

const objectIn = (store: MemoryStore) =>
  new CommittedObject({
    store,
    key: 'object',
    overflowPath: join(folder, 'overflow'),
    uploadMetadata: { by: 'upload' },
  });

const anySteps = fc.array(
  fc.record({ how: fc.constantFrom('send', 'setAside'), bytes: fc.uint8Array({ maxLength: 5 }) }),
  { maxLength: 6 },
);

describe('a committed object', () => {
  it('holds what was sent, set aside and left, in this order, and shows only when it is committed', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySteps,
        fc.uint8Array({ maxLength: 5 }),
        fc.boolean(),
        async (steps, rest, replaces) => {
          const store = new MemoryStore();
          const object = objectIn(store);

          for (const { how, bytes } of steps) {
            if (how === 'send') await object.send([Buffer.from(bytes)]);
            else object.setAside([Buffer.from(bytes)]);
          }
          const before = await store.head('object');
          if (replaces) await object.replace([Buffer.from(rest)]);
          else await object.commit([Buffer.from(rest)], { by: 'put' });

          expect(before).toBeUndefined();
          expect([...(await store.get('object'))]).toEqual([
            ...steps.flatMap(({ bytes }) => [...bytes]),
            ...rest,
          ]);
          const isPut = steps.length === 0 && !replaces;
          expect((await store.head('object'))?.metadata).toEqual({ by: isPut ? 'put' : 'upload' });
          expect(existsSync(join(folder, 'overflow'))).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each(['a PUT', 'an upload'])('is the one that was first, where a later one is %s', async (kind) => {
    const store = new MemoryStore();
    const [first, second] = [objectIn(store), objectIn(store)];
    if (kind === 'an upload') await second.send([Buffer.from('sec')]);
    await first.commit([Buffer.from('first')]);

    const committed = await second.commit([Buffer.from('ond')]);

    expect(committed).toBe(false);
    expect((await store.get('object')).toString()).toBe('first');
  });

  it('leaves nothing behind when it is aborted', async () => {
    const store = new MemoryStore();
    const object = objectIn(store);
    await object.send([Buffer.from('a')]);
    object.setAside([Buffer.from('b')]);

    await object.abort();

    expect(await store.head('object')).toBeUndefined();
    expect(existsSync(join(folder, 'overflow'))).toBe(false);
  });

  it('sets nothing aside where it has no file for it', () => {
    const object = new CommittedObject({ store: new MemoryStore(), key: 'object' });

    expect(object.setAside([Buffer.from('a')])).toBe(false);
    expect(object.isUpload).toBe(false);
  });
});

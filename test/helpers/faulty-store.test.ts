import { describe, expect, it } from 'vitest';
import { isMapReduceError } from '../../src/base/errors.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { AttemptDied, FAULT_KINDS, FaultyStore } from './faulty-store.ts';
import { keysOf } from './keys-of.ts';

/** Performs every kind of operation at least once, so that a fault can occur at each. */
async function everyOperation(store: ObjectStore): Promise<void> {
  await store.put('a', Buffer.from('abc'));
  await store.head('a');
  await store.get('a');
  const upload = await store.upload('b');
  await upload.write(Buffer.from('b'));
  await upload.complete();
  const dropped = await store.upload('c');
  await dropped.abort();
  for await (const _chunk of store.stream('a', { chunkSizeBytes: 2 }));
  for await (const _info of store.list(''));
  await store.delete(['a']);
}

const OPERATIONS = [
  'put a',
  'head a',
  'get a',
  'upload b',
  'upload.write b',
  'upload.complete b',
  'upload c',
  'upload.abort c',
  'stream a',
  'stream.read a',
  'stream.read a',
  'stream.read a',
  'list ',
  'list.end ',
  'delete a',
];

describe('FaultyStore', () => {
  it('counts and names every operation, and performs all of them if there is no plan', async () => {
    const inner = new MemoryStore();
    const store = new FaultyStore(inner);

    await everyOperation(store);

    expect(store.log).toEqual(OPERATIONS);
    expect(store.operations).toBe(OPERATIONS.length);
    expect(store.fired).toBe(false);
    expect(await keysOf(inner)).toEqual(['b']);
  });

  for (const fault of FAULT_KINDS) {
    it(`fires '${fault}' exactly once, at the planned operation`, async () => {
      for (let operation = 1; operation <= OPERATIONS.length; operation++) {
        await using store = new FaultyStore(new MemoryStore(), { operation, fault });

        const error = await everyOperation(store).catch((thrown: unknown) => thrown);

        expect(store.fired).toBe(true);
        expect(store.log).toEqual(OPERATIONS.slice(0, operation));
        expect(String(error)).toContain(`'${fault}' at operation ${operation}: ${OPERATIONS[operation - 1]}`);
        if (fault.startsWith('die')) expect(error).toBeInstanceOf(AttemptDied);
        else expect(isMapReduceError(error, 'StorageError')).toBe(true);
      }
    });
  }

  it("performs the operation for an '-after' fault and does not for a '-before' fault", async () => {
    for (const fault of FAULT_KINDS) {
      const inner = new MemoryStore();
      const store = new FaultyStore(inner, { operation: 3, fault });
      const upload = await store.upload('a');
      await upload.write(Buffer.from('abc'));

      await expect(upload.complete()).rejects.toThrow('injected fault');

      expect(await keysOf(inner), fault).toEqual(fault.endsWith('after') ? ['a'] : []);
    }
  });

  it("works normally after a 'fail' fault", async () => {
    const store = new FaultyStore(new MemoryStore(), { operation: 1, fault: 'fail-before' });

    await expect(store.put('a', Buffer.from('1'))).rejects.toThrow('injected fault');
    await store.put('a', Buffer.from('2'));

    expect((await store.get('a')).toString()).toBe('2');
  });

  it('performs no operation after death until it is revived, while other views of the store still work', async () => {
    const inner = new MemoryStore();
    const dead = new FaultyStore(inner, { operation: 3, fault: 'die-before' });
    const upload = await dead.upload('a');
    await upload.write(Buffer.from('abc'));
    await expect(upload.complete()).rejects.toBeInstanceOf(AttemptDied);

    for (const asked of [
      () => upload.complete(),
      () => upload.abort(),
      () => dead.put('b', Buffer.from('b')),
      () => dead.head('a'),
      () => dead.stream('a').next(),
      () => keysOf(dead),
    ]) {
      await expect(asked()).rejects.toBeInstanceOf(AttemptDied);
    }

    expect(dead.operations).toBe(3);
    expect(await keysOf(inner)).toEqual([]);
    await new FaultyStore(inner).put('b', Buffer.from('b'));
    dead.revive();
    await dead.put('c', Buffer.from('c'));
    expect(await keysOf(dead)).toEqual(['b', 'c']);
  });

  it('hides the results of operations that were running at the moment of death', async () => {
    const inner = new MemoryStore();
    const gate = Promise.withResolvers<void>();
    const slow = Object.assign(Object.create(inner) as ObjectStore, {
      location: 'slow',
      head: (key: string) => gate.promise.then(() => inner.head(key)),
    });
    const store = new FaultyStore(slow, { operation: 2, fault: 'die-before' });

    const underWay = store.head('a');
    await expect(store.head('b')).rejects.toBeInstanceOf(AttemptDied);
    gate.resolve();

    await expect(underWay).rejects.toBeInstanceOf(AttemptDied);
  });

  it("hides the operation's own failure, because the caller cannot know how it ended", async () => {
    for (const [fault, name] of [
      ['fail-after', 'StorageError'],
      ['die-after', 'AttemptDied'],
    ] as const) {
      const store = new FaultyStore(new MemoryStore(), { operation: 1, fault });

      await expect(store.get('absent')).rejects.toMatchObject({ name });
    }
  });

  it('keeps the upload of a dead attempt until it is disposed, and then aborts it', async () => {
    const inner = new MemoryStore();
    const aborted: string[] = [];
    const watched = Object.assign(Object.create(inner) as ObjectStore, {
      location: 'watched',
      upload: async (key: string) =>
        Object.assign(await inner.upload(key), { abort: async () => void aborted.push(key) }),
    });
    const store = new FaultyStore(watched, { operation: 2, fault: 'die-after' });
    const upload = await store.upload('a');
    await expect(upload.write(Buffer.from('a'))).rejects.toBeInstanceOf(AttemptDied);
    await expect(upload.abort()).rejects.toBeInstanceOf(AttemptDied);
    expect(aborted).toEqual([]);

    await store[Symbol.asyncDispose]();

    expect(aborted).toEqual(['a']);
  });
});

/** Intermediates that are damaged at every place and moment. The job recreates them, and its result is correct. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../simulation/seeded-random.ts';
import { readShuffleFooter } from '../../src/shuffle/shuffle-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { InterferingStore, type Operation } from '../helpers/interfering-store.ts';
import { keepAll, lineCount } from '../helpers/jobs.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const random = seededRandom(20);
/** Two splits. Each has so many blocks for both reducers that a stream continues after the first chunk. */
const LINES = Array.from({ length: 100_000 }, (_, line) => `${random().toString(36).slice(2, 14)} ${line}`);
/** Settings are cached by their address, so each job has a store with a different name. */
let jobs = 0;
const SPLIT_BYTES = 920_000;

type Damage = (bytes: Buffer, blocks: { first: number; last: number }) => Buffer | undefined;

function flippedAt(place: (length: number, blocks: { first: number; last: number }) => number): Damage {
  return (bytes, blocks) => {
    const flipped = Buffer.from(bytes);
    flipped[place(bytes.length, blocks)]! ^= 0x10;
    return flipped;
  };
}

const DAMAGES: Record<string, Damage> = {
  'a bit flipped in its first block': flippedAt((_, { first }) => first),
  'a bit flipped in its last block': flippedAt((_, { last }) => last),
  'a bit flipped in its footer': flippedAt((length) => length - 40),
  'a bit flipped in its trailer': flippedAt((length) => length - 12),
  'other content of the same size': (bytes) => Buffer.alloc(bytes.length, 7),
  'cut to half': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'made empty': () => Buffer.alloc(0),
  removed: () => undefined,
  'written again as it was': (bytes) => bytes,
};

/** The range of the blocks of the last partition; the whole range of an object that is not a shuffle object. */
async function blocksOf(store: ObjectStore, key: string): Promise<{ first: number; last: number }> {
  const object = (await store.head(key))!;
  const footer = await readShuffleFooter(store, object).catch(() => undefined);
  if (footer === undefined) return { first: 30, last: object.sizeBytes - 1 };
  const { startBytes, lengthBytes } = footer.extents.at(-1)!;
  return { first: startBytes + 30, last: startBytes + lengthBytes - 1 };
}

async function doDamage(store: ObjectStore, key: string, damage: Damage): Promise<void> {
  const bytes = await store.get(key);
  const damaged = damage(bytes, await blocksOf(store, key));
  const { metadata } = (await store.head(key))!;
  if (damaged === undefined) await store.delete([key]);
  else await store.put(key, damaged, { metadata });
}

interface Moment {
  readonly operation: Operation;
  readonly key: string;
  /** The key to damage, if it is a different one. */
  readonly damaged?: string;
}

async function runWithDamage(
  request: object,
  { operation, key, damaged = key }: Moment,
  damage: Damage,
): Promise<{ status: string; text: string[]; log: readonly string[]; happened: boolean; failure: string }> {
  const store = new InterferingStore(new MemoryStore({ name: `damage-${++jobs}` }));
  await using machine = await SimulatedMachine.start({ 'line-count': lineCount, 'keep-all': keepAll }, store);
  await store.put('data/lines', Buffer.from(`${LINES.join('\n')}\n`));
  let happened = false;
  store.interfere = async (now, at) => {
    if (happened || now !== operation || !at.endsWith(key)) return;
    happened = true;
    await doDamage(store.inner, `work/job/${damaged}`, damage);
  };

  const ended = await machine.execute({
    jobId: 'job',
    request: { inputs: ['data/'], splitSizeBytes: SPLIT_BYTES, ...request },
  });

  let text = '';
  for await (const { key: part } of store.list('output/job/')) {
    if (/\/(part-|merged)/.test(part)) text += (await store.get(part)).toString();
  }
  return {
    status: ended.status,
    text: text.split('\n').sort(),
    log: machine.log,
    happened,
    failure: ended.status === 'FAILED' ? `${ended.failure.error}: ${ended.failure.cause}` : '',
  };
}

const COUNTED = ['', ...LINES.map((line) => `${line}\t1`)].sort();

function eachDamage(
  what: string,
  moments: Readonly<Record<string, Moment>>,
  { request, expected }: { request: object; expected: readonly string[] },
): void {
  describe.each(Object.entries(moments))(`${what}, damaged %s`, (_, moment) => {
    it.each(Object.entries(DAMAGES))('%s', async (_what, damage) => {
      const { status, text, happened, failure } = await runWithDamage(request, moment, damage);

      expect(failure).toBe('');
      expect({ status, happened }).toEqual({ status: 'SUCCEEDED', happened: true });
      expect(text.length).toBe(expected.length);
      expect(text.every((line, index) => line === expected[index])).toBe(true);
    });
  });
}

const OBJECT = 'shuffle/m-00001';
eachDamage(
  'a shuffle object',
  {
    'before the barrier lists it': { operation: 'list', key: 'shuffle/', damaged: OBJECT },
    'between its listing and the read of its footer': { operation: 'get', key: OBJECT },
    'before a reducer opens it': { operation: 'read 0', key: OBJECT },
    'while a reducer reads it': { operation: 'read 1', key: OBJECT },
  },
  { request: { app: 'line-count', reducers: 2 }, expected: COUNTED },
);
eachDamage(
  'the shuffle index',
  { 'before a reducer reads it': { operation: 'get', key: 'shuffle-index' } },
  { request: { app: 'line-count', reducers: 2 }, expected: COUNTED },
);
const RUN = 'merge/r-00001';
eachDamage(
  'a run to be merged',
  {
    'before the barrier checks it': { operation: 'head', key: RUN },
    'between that check and the read of its footer': { operation: 'get', key: RUN },
    'while the commit reads it': { operation: 'read 1', key: RUN },
  },
  { request: { app: 'line-count', reducers: 2, merge: true }, expected: COUNTED },
);
const PART = 'merge/m-00001';
eachDamage(
  'a part to be appended',
  {
    'before the commit reads it': { operation: 'read 0', key: PART },
    'while the commit reads it': { operation: 'read 1', key: PART },
  },
  { request: { app: 'keep-all', merge: true }, expected: COUNTED },
);

describe('a shuffle object with the data of another map task', () => {
  it('is recreated', async () => {
    const store = new InterferingStore(new MemoryStore({ name: `damage-${++jobs}` }));
    await using machine = await SimulatedMachine.start({ 'line-count': lineCount }, store);
    await store.put('data/lines', Buffer.from('one\ntwo\nthree\nfour\n'));
    let happened = false;
    store.interfere = async (operation, key) => {
      if (happened || operation !== 'list' || !key.endsWith('shuffle/')) return;
      happened = true;
      await store.put('work/job/shuffle/m-00001', await store.inner.get('work/job/shuffle/m-00000'));
    };

    const request = { app: 'line-count', inputs: ['data/'], splitSizeBytes: 8, reducers: 1 };
    const ended = await machine.execute({ jobId: 'job', request });

    expect(ended.status).toBe('SUCCEEDED');
    expect((await store.get('output/job/part-r-00000.tsv')).toString()).toBe(
      'four\t1\none\t1\nthree\t1\ntwo\t1\n',
    );
  });
});

describe.each([
  ['before the barrier', 'heads'],
  ['before the commit', 'commits'],
] as const)('the output of one task, copied over that of another %s,', (_, moment) => {
  it.each([
    ['a part', { app: 'keep-all' }, 'output/job/part-m-', '.tsv'],
    ['a part to be appended', { app: 'keep-all', merge: true }, 'work/job/merge/m-', ''],
    ['a run to be merged', { app: 'line-count', reducers: 2, merge: true }, 'work/job/merge/r-', ''],
  ])('is recreated: %s', async (_what, request, prefix, suffix) => {
    const store = new InterferingStore(new MemoryStore({ name: `damage-${++jobs}` }));
    await using machine = await SimulatedMachine.start(
      { 'line-count': lineCount, 'keep-all': keepAll },
      store,
    );
    await store.put('data/lines', Buffer.from('aa\nbb\ncc\ndd\n'));
    const [first, second] = [`${prefix}00000${suffix}`, `${prefix}00001${suffix}`];
    let happened = false;
    const copyOnce = async () => {
      if (happened) return;
      happened = true;
      const { metadata } = (await store.inner.head(first))!;
      await store.inner.put(second, await store.inner.get(first), { metadata });
    };
    store.interfere = async (operation, key) => {
      if (moment === 'heads' && operation === 'head' && key === second) await copyOnce();
    };

    const ended = await machine.execute(
      { jobId: 'job', request: { inputs: ['data/'], splitSizeBytes: 6, ...request } },
      { beforeCommit: () => (moment === 'commits' ? copyOnce() : undefined) },
    );

    let text = '';
    for await (const { key } of store.list('output/job/')) {
      if (/\/(part-|merged)/.test(key)) text += (await store.get(key)).toString();
    }
    expect({ status: ended.status, happened }).toEqual({ status: 'SUCCEEDED', happened: true });
    expect(text.split('\n').sort()).toEqual(['', 'aa\t1', 'bb\t1', 'cc\t1', 'dd\t1']);
  });
});

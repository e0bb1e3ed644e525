import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo } from '../../src/storage/object-store.ts';
import { copy, lineCount } from '../helpers/jobs.ts';
import { SimulatedMachine } from './simulated-machine.ts';

/** Counts the calls, and lists more keys than any real bucket would have. */
class CountingStore extends MemoryStore {
  lists = 0;
  heads = 0;
  endlessPrefix = '';

  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    this.lists += 1;
    if (this.endlessPrefix === '' || !prefix.startsWith(this.endlessPrefix)) yield* super.list(prefix);
    else {
      for (let number = 0; ; number++) {
        const key = `${this.endlessPrefix}${String(number).padStart(9, '0')}.txt`;
        yield { key, sizeBytes: 10, etag: 'e', metadata: {} };
      }
    }
  }

  override async head(key: string): Promise<ObjectInfo | undefined> {
    this.heads += 1;
    return super.head(key);
  }
}

async function machineWith(objects: Readonly<Record<string, string>>): Promise<SimulatedMachine> {
  const store = new CountingStore();
  const machine = await SimulatedMachine.start({ copy, count: lineCount }, store);
  for (const [key, text] of Object.entries(objects)) await store.put(key, Buffer.from(text));
  return machine;
}

const causeOf = (ended: unknown) => (ended as { failure: { cause: string } }).failure.cause;

describe('a request for more tasks than a job may have', () => {
  it('is refused before a task runs if small splits are the reason, with a split size that works', async () => {
    await using machine = await machineWith({ 'data/a.txt': 'x'.repeat(80_000) });

    const ended = await machine.execute({
      jobId: 'flood',
      request: { app: 'copy', inputs: ['data/a.txt'], splitSizeBytes: 1 },
    });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
    expect(causeOf(ended)).toContain('splits of 1 byte make more than 100 map tasks');
    expect(causeOf(ended)).toContain('Splits of less than 1048576 bytes');
    expect(machine.log).toEqual(['plan']);
    expect(await machine.store.head('jobs/flood/plan/plan.json')).toBeUndefined();
  });

  it('may still divide a small input into several tasks', async () => {
    await using machine = await machineWith({ 'data/a.txt': 'one\ntwo\nsix\n' });

    const ended = await machine.execute({
      jobId: 'small',
      request: { app: 'copy', inputs: ['data/a.txt'], splitSizeBytes: 4 },
    });

    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: 3 } });
  });

  it('is refused by the bound of the deployment for each stage', async () => {
    const objects = Object.fromEntries([...Array(20).keys()].map((i) => [`data/${i}.txt`, 'one\n']));
    await using machine = await machineWith(objects);
    machine.maxTasksPerStage = 16;

    const maps = await machine.execute({
      jobId: 'maps',
      request: { app: 'count', inputs: ['data/'], splitSizeBytes: 4 },
    });
    const reducers = await machine.execute({
      jobId: 'reducers',
      request: { app: 'count', inputs: ['data/'], reducers: 17 },
    });
    const within = await machine.execute({
      jobId: 'within',
      request: { app: 'count', inputs: ['data/'], splitSizeBytes: 5, reducers: 1 },
    });

    expect(causeOf(maps)).toContain('splits of 4 bytes make more than 16 map tasks');
    expect(causeOf(reducers)).toContain('17 reduce tasks; the maximum is 16');
    expect(causeOf(reducers)).toContain('maxTasksPerStage');
    expect(within.status).toBe('FAILED');
  });
});

describe('the inputs of a request', () => {
  it('are looked up once if they are the same', async () => {
    await using machine = await machineWith({ 'data/a.txt': 'one\n', 'data/b/c.txt': 'two\n' });
    const store = machine.store as CountingStore;
    const inputs = Array.from({ length: 900 }, (_, i) => (i % 2 === 0 ? 'data/a.txt' : 'data/b/'));
    store.heads = 0;
    store.lists = 0;

    const ended = await machine.execute({ jobId: 'same', request: { app: 'copy', inputs } });

    expect(ended.status).toBe('SUCCEEDED');
    expect(store.heads + store.lists).toBeLessThan(30);
  });

  it('are at most 1,000', async () => {
    await using machine = await machineWith({ 'data/a.txt': 'one\n' });
    const inputs = Array.from({ length: 1_001 }, () => 'data/a.txt');

    const ended = await machine.execute({ jobId: 'many', request: { app: 'copy', inputs } });

    expect(causeOf(ended)).toContain('inputs: has 1001 names; the maximum is 1000');
  });

  it('are refused if a listing reaches its bound, and the message says what to do', async () => {
    await using machine = await machineWith({});
    (machine.store as CountingStore).endlessPrefix = 'data/';

    const ended = await machine.execute({ jobId: 'endless', request: { app: 'copy', inputs: ['data/'] } });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
    expect(causeOf(ended)).toMatch(/more than \d+ input files.*several jobs/s);
  });

  it('are refused if a glob has to list too many keys, whatever it finds', async () => {
    await using machine = await machineWith({});
    (machine.store as CountingStore).endlessPrefix = 'data/';

    const ended = await machine.execute({ jobId: 'needle', request: { app: 'copy', inputs: ['data/*.gz'] } });

    expect(causeOf(ended)).toMatch(/more than \d+ keys.*'data\/'/s);
  });
});

/** Jobs with several inputs, with generated input and with bad records, through the steps. */
import { describe, expect, it } from 'vitest';
import { csv, defineJob, generate, type Job, lines, textLines, tsv } from '../../src/index.ts';
import type { JobReport } from '../../src/report/report.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type Ended, SimulatedMachine } from './simulated-machine.ts';

const joined: Job = defineJob({
  name: 'joined',
  description: '',
  input: { users: textLines(), visits: csv({ columns: { user: 'string', ms: 'number' } }) },
  onBadRecord: { skip: 1 },
  key: 'string',
  value: 'string',
  map: {
    users: (line, { emit }) => emit(line.slice(0, 1), line.slice(2)),
    visits: ({ user, ms }, { emit }) => emit(user, `${ms} ms`),
  },
  reduce: 'each',
  output: tsv(),
});

const numbers: Job = defineJob({
  name: 'numbers',
  description: '',
  input: generate('rows', { recordsPerTask: 4 }),
  params: { rows: { type: 'number', default: 10, description: 'how many' } },
  map: (number, { emit }) => emit(null, number),
  output: lines(),
});

const machineOf = () => SimulatedMachine.start({ joined, numbers });

const FILES = {
  'data/u/a.txt': '1 Ann\n2 Bob\n',
  'data/v/a.csv': 'user,ms\n1,250\n',
  'data/v/b.csv': 'user,ms\n2,slow\n2,70\n',
};
const INPUTS = { users: ['data/u/'], visits: ['data/v/'] };

async function put(store: ObjectStore, objects: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, text] of Object.entries(objects)) await store.put(key, Buffer.from(text));
}

async function linesOf(store: ObjectStore, outputPrefix: string): Promise<string[]> {
  let text = '';
  for await (const { key } of store.list(`${outputPrefix}part-`)) text += (await store.get(key)).toString();
  return text.trimEnd().split('\n').sort();
}

function causeOf(ended: Ended): string {
  return JSON.stringify(ended);
}

describe('a job that may need more of /tmp than its functions have', () => {
  it('has a notice about it in its plan before it runs, and in its manifest', async () => {
    await using machine = await machineOf();
    machine.taskFunction = { memoryMb: 256, scratchMb: 0.0001 };
    const users = Array.from({ length: 70 }, (_, user) => `${100 + user} Ann\n`).join('');
    await put(machine.store, { ...FILES, 'data/u/a.txt': users });

    await machine.execute({
      jobId: 'join',
      request: { app: 'joined', inputs: INPUTS, splitSizeBytes: 8 },
    });

    const notice = expect.stringMatching(
      /^a reduce task opens at most 61 of the 7\d outputs .* Use at least/,
    );
    const jsonOf = async (key: string) => JSON.parse((await machine.store.get(key)).toString());
    expect(await jsonOf('jobs/join/plan/plan.json')).toMatchObject({ notices: [notice] });
    expect(await jsonOf('output/join/manifest.json')).toMatchObject({
      notices: expect.arrayContaining([notice]),
    });
  });
});

describe('a job with named inputs', () => {
  it('reads each with its own format and map, and counts them apart', async () => {
    await using machine = await machineOf();
    await put(machine.store, FILES);

    const ended = await machine.execute({
      jobId: 'join',
      request: { app: 'joined', inputs: INPUTS, splitSizeBytes: 8 },
    });

    expect(causeOf(ended)).toContain('SUCCEEDED');
    expect(await linesOf(machine.store, 'output/join/')).toEqual([
      '1\t250 ms',
      '1\tAnn',
      '2\t70 ms',
      '2\tBob',
    ]);
    const report: JobReport = JSON.parse((await machine.store.get('output/join/manifest.json')).toString());
    expect(report.badRecords).toBe(1);
    expect(report.input.inputs).toEqual([
      { name: 'users', files: 1, bytes: 12, splits: 2 },
      { name: 'visits', files: 2, bytes: 34, splits: expect.any(Number) },
    ]);
    const list = (await machine.store.get('output/join/_bad.jsonl')).toString();
    expect(JSON.parse(list)).toMatchObject({ file: expect.stringMatching(/data\/v\/b\.csv$/), offset: 8 });
  });

  it.each([
    [
      { ...INPUTS, visit: ['data/v/'] },
      /has no input 'visit'; its inputs are users, visits\. Did you mean 'visits'/,
    ],
    [{ users: ['data/u/'] }, /needs files for its input 'visits'/],
    [
      ['data/u/'],
      /has several inputs, so each --input names one: users=<path> or visits=<path>; received 'data\/u\/'/,
    ],
    [[], /needs files for its input 'users'/],
    [{ ...INPUTS, visits: ['jobs/x'] }, /jobs\/x/],
  ])('is refused with the inputs %j', async (inputs, message) => {
    await using machine = await machineOf();
    await put(machine.store, FILES);

    const ended = await machine.execute({ jobId: 'join', request: { app: 'joined', inputs } });

    expect(ended.status).toBe('FAILED');
    expect(causeOf(ended)).toMatch(message);
  });

  it('cannot be started by an upload, and says so', async () => {
    await using machine = await machineOf();
    await put(machine.store, { 'input/joined/a.txt': 'x\n' });
    const object = { key: 'input/joined/a.txt', size: 1, etag: 'e', sequencer: '01' };

    const ended = await machine.execute({ source: 'aws.s3', detail: { bucket: { name: 'bucket' }, object } });

    expect(ended.status).toBe('FAILED');
    expect(causeOf(ended)).toMatch(
      /the upload input\/joined\/a\.txt cannot start the app 'joined', which has several inputs \(users, visits\)/,
    );
  });

  it('fails at the barrier if its tasks together have more bad records than it skips', async () => {
    await using machine = await machineOf();
    await put(machine.store, { ...FILES, 'data/v/c.csv': 'user,ms\n2,\n' });

    const ended = await machine.execute({
      jobId: 'join',
      request: { app: 'joined', inputs: INPUTS, splitSizeBytes: 12 },
    });

    expect(ended.status).toBe('FAILED');
    expect(causeOf(ended)).toMatch(
      /2 records are bad; the job skips 1 \(onBadRecord\)\. The first: .*b\.csv/,
    );
  });
});

describe('a job with generated input', () => {
  it('needs no objects', async () => {
    await using machine = await machineOf();

    const ended = await machine.execute({ jobId: 'ten', request: { app: 'numbers' } });

    expect(ended.status).toBe('SUCCEEDED');
    expect((await linesOf(machine.store, 'output/ten/')).map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, number) => number),
    );
    expect(machine.log.filter((step) => step.startsWith('m-'))).toHaveLength(3);
  });

  it('takes its size from a parameter, and no inputs', async () => {
    await using machine = await machineOf();
    await put(machine.store, FILES);

    await machine.execute({ jobId: 'two', request: { app: 'numbers', params: { rows: 2 } } });
    const refused = await machine.execute({ jobId: 'no', request: { app: 'numbers', inputs: ['data/u/'] } });

    expect(await linesOf(machine.store, 'output/two/')).toEqual(['0', '1']);
    expect(causeOf(refused)).toMatch(/generates its input, so it takes no --input; received 'data\/u\/'/);
  });
});

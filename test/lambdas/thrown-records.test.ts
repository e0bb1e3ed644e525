/** Records on which map throws, when attempts die after they have read their split. */
import { expect, test } from 'vitest';
import { defineJob, type Job, textLines, tsv } from '../../src/index.ts';
import { type Attempt, SimulatedMachine } from './simulated-machine.ts';

const jobOf = (skip: number): Job =>
  defineJob({
    name: 'numbers',
    description: '',
    input: textLines(),
    onBadRecord: { skip, thrown: true },
    key: 'string',
    value: 'number',
    map(line, { emit, count }) {
      emit('seen', 1);
      count('lines');
      if (line.startsWith('x')) throw new Error(`no number: ${line}`);
    },
    reduce: 'sum',
    output: tsv(),
  });

const dies = ({ retry, deaths }: Attempt) => (retry + deaths === 0 ? 'Lambda.ServiceException' : undefined);

async function run(skip: number) {
  await using machine = await SimulatedMachine.start({ numbers: jobOf(skip) });
  await machine.store.put('data/a.txt', Buffer.from('1\nx2\n3\nx4\n5\nx6\n'));
  const request = { app: 'numbers', inputs: ['data/a.txt'], splitSizeBytes: 4 };
  const ended = await machine.execute({ jobId: 'thrown', request }, { dies });
  const objects: Record<string, string> = {};
  for await (const { key } of machine.store.list('output/thrown/')) {
    objects[key.slice('output/thrown/'.length)] = (await machine.store.get(key)).toString();
  }
  return { ended, objects };
}

test('they are counted once, however many attempts read them', async () => {
  const { ended, objects } = await run(3);

  expect(ended).toMatchObject({ status: 'SUCCEEDED' });
  expect(objects['part-r-00000.tsv']).toBe('seen\t3\n');
  expect(objects['_bad.jsonl']!.trim().split('\n')).toHaveLength(3);
  expect(JSON.parse(objects['manifest.json']!)).toMatchObject({ badRecords: 3, counters: { lines: 3 } });
});

test('one more than the job skips fails it, though no task has so many', async () => {
  const { ended, objects } = await run(2);

  expect(JSON.stringify(ended)).toMatch(/BadRecordError.*3 records are bad; the job skips 2.*no number: x2/);
  expect(objects['part-r-00000.tsv']).toBeUndefined();
});

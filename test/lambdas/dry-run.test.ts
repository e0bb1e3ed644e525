import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { mapStep } from '../../lambdas/steps/map.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import { defineJob } from '../../src/api/define-job.ts';
import { type DryRun, mapEventSchema, reduceEventSchema } from '../../src/aws/protocol/job-state.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import { tsv } from '../../src/formats/tsv.ts';
import { keysOf } from '../helpers/keys-of.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const wordCount = defineJob({
  name: 'word-count',
  description: 'How often each word occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit, count }) {
    count('lines');
    if (line.includes('poison')) throw new TypeError(`cannot swallow '${line}'`);
    for (const word of line.match(/\S+/g) ?? []) emit(word, 1);
  },
  reduce: 'sum',
  output: tsv(),
});

const INVOCATION = { requestId: 'by-hand', remainingMs: () => 600_000 };
const dryEvent = { jobId: 'job', item: { index: 0 }, dryRun: true };
const dryMap = ({ environment }: SimulatedMachine) =>
  mapStep(v.parse(mapEventSchema, dryEvent), environment, INVOCATION) as Promise<DryRun>;
const dryReduce = ({ environment }: SimulatedMachine) =>
  reduceStep(v.parse(reduceEventSchema, dryEvent), environment, INVOCATION) as Promise<DryRun>;

describe('a dry run of a task', () => {
  it('reports what the attempt did, even for a committed task, and leaves nothing behind', async () => {
    await using machine = await SimulatedMachine.start({ 'word-count': wordCount });
    await machine.store.put('data/a.txt', Buffer.from('one two\ntwo\n'));
    await machine.execute({ jobId: 'job', request: { app: 'word-count', inputs: ['data/'] } });
    const before = await keysOf(machine.store);

    const answer = await dryMap(machine);

    expect(answer).toMatchObject({
      dryRun: true,
      result: {
        taskId: 'm-00000',
        attemptId: 'm-00000.dry-by-hand',
        recordsRead: 2,
        recordsWritten: 2,
        counters: { lines: 2 },
      },
    });
    expect(await keysOf(machine.store)).toEqual(before);
  });

  it("reports why it failed, with file, offset and the user's stack, and writes no note", async () => {
    await using machine = await SimulatedMachine.start({ 'word-count': wordCount });
    await machine.store.put('data/a.txt', Buffer.from('fine\npoison\n'));
    await machine.execute({ jobId: 'job', request: { app: 'word-count', inputs: ['data/'] } });
    const before = await keysOf(machine.store);

    const { error } = await dryMap(machine);

    expect(error).toMatchObject({
      name: 'UserCodeError',
      details: { file: 'data/a.txt', offsetBytes: 5, taskId: 'm-00000' },
    });
    expect(error!.details!.userStack).toContain('dry-run.test.ts');
    expect(await keysOf(machine.store)).toEqual(before);
  });

  it('of a reduce task needs the shuffle, which is removed when the job has succeeded', async () => {
    await using machine = await SimulatedMachine.start({ 'word-count': wordCount });
    await machine.store.put('data/a.txt', Buffer.from('one two\ntwo\n'));
    let during: DryRun | undefined;
    await machine.execute(
      { jobId: 'job', request: { app: 'word-count', inputs: ['data/'] } },
      {
        async beforeAttempt({ stage }) {
          if (stage !== 'reduce') return;
          during = await dryReduce(machine);
        },
      },
    );

    const after = await dryReduce(machine);

    expect(during).toMatchObject({ result: { taskId: 'r-00000', recordsRead: 2, recordsWritten: 2 } });
    expect(after.error).toMatchObject({
      name: 'CorruptShuffleError',
      cause: { name: 'ObjectNotFoundError' },
    });
    expect(after.error!.message).toContain('shuffle-index');
  });
});

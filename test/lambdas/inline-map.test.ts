/** Small stages run in an inline Map, as part of the execution of the job. The Distributed Map gets the rest. */
import { describe, expect, it } from 'vitest';
import { mapFor } from '../../lambdas/steps/decide.ts';
import { planStep } from '../../lambdas/steps/plan.ts';
import { defineJob } from '../../src/api/define-job.ts';
import type { Job } from '../../src/api/job.ts';
import { readDocument, type SettingsDocument } from '../../src/aws/protocol/documents.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import { tsv } from '../../src/formats/tsv.ts';
import type { JobReport } from '../../src/report/report.ts';
import { type Attempt, type MachineOptions, SimulatedMachine } from './simulated-machine.ts';

const wordCount: Job = defineJob({
  name: 'word-count',
  description: 'How often each word occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    for (const word of line.match(/\S+/g) ?? []) emit(word, 1);
  },
  reduce: 'sum',
  output: tsv(),
});

/** One line per map task, each of ten bytes. */
async function machineWith(tasks: number): Promise<SimulatedMachine> {
  const machine = await SimulatedMachine.start({ 'word-count': wordCount });
  const lines = Array.from({ length: tasks }, (_, line) => `word-${String(line % 7).padStart(4, '0')}\n`);
  await machine.store.put('data/lines.txt', Buffer.from(lines.join('')));
  return machine;
}

const submit = (jobId: string, reducers = 2) => ({
  jobId,
  request: { app: 'word-count', inputs: ['data/lines.txt'], splitSizeBytes: 10, reducers },
});

async function planned(machine: SimulatedMachine, jobId: string) {
  const execution = { id: 'execution', startTime: new Date().toISOString() };
  return await planStep({ input: submit(jobId), execution }, machine.environment);
}

async function planKeys(machine: SimulatedMachine, jobId: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of machine.store.list(`jobs/${jobId}/plan/`)) keys.push(key.split('/').at(-1)!);
  return keys;
}

async function resultOf(machine: SimulatedMachine, jobId: string): Promise<string> {
  let text = '';
  for await (const { key } of machine.store.list(`output/${jobId}/part-`)) {
    text += (await machine.store.get(key)).toString();
  }
  return text.split('\n').sort().join('\n').trim();
}

const throttled = () =>
  Object.assign(new Error('Rate Exceeded.'), { name: 'Lambda.TooManyRequestsException' });

describe('a stage', () => {
  it('of 40 tasks runs in an inline Map, whose items are indexes; the settings have the pieces', async () => {
    await using machine = await machineWith(LIMITS.inlineTasksMax);

    const state = await planned(machine, 'small');

    expect(state).toMatchObject({ next: 'map-inline-watched', items: '' });
    expect(state.tasks).toEqual(Array.from({ length: LIMITS.inlineTasksMax }, (_, index) => ({ index })));
    expect(await planKeys(machine, 'small')).toEqual(['plan.json', 'settings.json']);
    const settings = await readDocument<SettingsDocument>(machine.store, 'jobs/small/plan/settings.json');
    expect(settings.pieces).toHaveLength(LIMITS.inlineTasksMax);
    expect(settings.pieces![39]).toMatchObject([{ startBytes: 390, endBytes: 400 }]);
  });

  it('of 41 tasks runs in a Distributed Map, whose items have the pieces', async () => {
    await using machine = await machineWith(LIMITS.inlineTasksMax + 1);

    const state = await planned(machine, 'larger');

    expect(state).toMatchObject({ next: 'map-watched', items: 'jobs/larger/plan/map.json', tasks: [] });
    // The reduce stage is small.
    expect(await planKeys(machine, 'larger')).toEqual(['map.json', 'plan.json', 'settings.json']);
    expect(await readDocument(machine.store, 'jobs/larger/plan/settings.json')).not.toHaveProperty('pieces');
  });

  it('of up to 3 tasks is not watched', async () => {
    await using machine = await machineWith(3);

    expect(await planned(machine, 'few')).toMatchObject({ next: 'map-inline' });
  });

  it.each([1, 40, 41, 10_000])('of %i tasks is in an inline Map at most once per execution', (tasks) => {
    const rounds = [1, 2, 3, 4].filter((round) => mapFor({ tasks, round }, {}) === 'inline');

    expect(rounds).toEqual(tasks <= 40 ? [1] : []);
  });

  it('cannot be made to run inline with more tasks than the history of an execution has room for', () => {
    expect(mapFor({ tasks: 41, round: 1 }, { inlineTasksMax: 1_000 })).toBe('distributed');
  });
});

describe('a job with an inline stage has the same result', () => {
  const run = async (options: MachineOptions, inlineTasksMax: number, jobId = 'job') => {
    const machine = await machineWith(8);
    machine.inlineTasksMax = inlineTasksMax;
    const ended = await machine.execute(submit(jobId), options);
    expect(ended.status).toBe('SUCCEEDED');
    const report = await readDocument<JobReport>(machine.store, `output/${jobId}/manifest.json`);
    const failures = report.failures.map(({ taskId, error }) => `${taskId} ${error.name}`);
    return { machine, report, failures, result: await resultOf(machine, jobId) };
  };
  const isFirst = ({ stage, index, retry, deaths }: Attempt) =>
    stage === 'map' && index === 3 && retry + deaths === 0;

  it.each<[string, MachineOptions]>([
    ['without failures', {}],
    ['if an attempt dies', { dies: (attempt) => (isFirst(attempt) ? 'Runtime.OutOfMemory' : undefined) }],
    [
      'if an attempt fails',
      {
        beforeAttempt(attempt) {
          if (isFirst(attempt)) throw Object.assign(new Error('no'), { name: 'StorageError' });
        },
      },
    ],
    ['if a task is lost', { loses: ({ index, round }) => index === 1 && round === 0 }],
  ])('as in Distributed Maps %s', async (_, options) => {
    const inline = await run(options, LIMITS.inlineTasksMax);
    const distributed = await run(options, 0);

    expect(inline.result).toBe(distributed.result);
    expect(inline.failures).toEqual(distributed.failures);
    expect(inline.machine.log).toEqual(distributed.machine.log);
    expect(inline.report.stages.map(({ attempts }) => attempts)).toEqual(
      distributed.report.stages.map(({ attempts }) => attempts),
    );
    await inline.machine[Symbol.asyncDispose]();
    await distributed.machine[Symbol.asyncDispose]();
  });

  it('if Lambda throttles some starts for longer than the inline Map waits: a Distributed Map runs those tasks', async () => {
    const refusals = { map: 0, reduce: 0 };
    const { machine, report, result, failures } = await run(
      {
        beforeAttempt({ stage, index }) {
          // The inline Map starts a task six times.
          if (index > 0 || refusals[stage] === 7) return;
          refusals[stage]++;
          throw throttled();
        },
      },
      LIMITS.inlineTasksMax,
    );
    await using _ = machine;

    expect(machine.log.filter((step) => step === 'm-0')).toHaveLength(8);
    expect(machine.log.filter((step) => step === 'm-1')).toHaveLength(1);
    expect(machine.log.filter((step) => step.endsWith('barrier'))).toHaveLength(4);
    expect(await planKeys(machine, 'job')).toEqual([
      'map-round-2.json',
      'plan.json',
      'reduce-round-2.json',
      'settings.json',
    ]);
    expect(failures).toEqual([]);
    expect(report.stages.map(({ failedAttempts }) => failedAttempts)).toEqual([0, 0]);
    expect(result).toBe(
      'word-0000\t2\nword-0001\t1\nword-0002\t1\nword-0003\t1\nword-0004\t1\nword-0005\t1\nword-0006\t1',
    );
  });
});

describe('a redrive', () => {
  it('runs the missing tasks of a small stage in an inline Map', async () => {
    await using machine = await machineWith(8);
    const poisoned = {
      beforeAttempt({ stage, index }: Attempt) {
        if (stage === 'map' && index >= 6)
          throw Object.assign(new Error('no'), { name: 'InputChangedError' });
      },
    };
    const first = await machine.execute(submit('again'), poisoned);
    machine.log.length = 0;

    const second = await machine.execute({ jobId: 'again', redrive: true });

    expect([first.status, second.status]).toEqual(['FAILED', 'SUCCEEDED']);
    expect(machine.log.slice(0, 5)).toEqual(['plan', 'map-barrier', 'm-6', 'm-7', 'map-barrier']);
    expect(await planKeys(machine, 'again')).toEqual(['plan.json', 'settings.json']);
  });
});

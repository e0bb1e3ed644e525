import { describe, expect, it } from 'vitest';
import { assertSpending, type SpentSoFar } from '../../lambdas/steps/budget.ts';
import { dryPlanStep } from '../../lambdas/steps/plan.ts';
import { type PlanDocument, readDocument, writeDocument } from '../../src/aws/protocol/documents.ts';
import { planKey } from '../../src/aws/protocol/keys.ts';
import { jobId } from '../../src/base/ids.ts';
import type { JobEstimate } from '../../src/report/estimate.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { lineCount } from '../helpers/jobs.ts';
import { SimulatedMachine } from './simulated-machine.ts';

async function machineWithInput(): Promise<SimulatedMachine> {
  const machine = await SimulatedMachine.start({ count: lineCount });
  await machine.store.put('data/a.txt', Buffer.from('one\ntwo\nsix\n'));
  return machine;
}

/** Three map tasks and two reduce tasks. */
const REQUEST = { app: 'count', inputs: ['data/a.txt'], splitSizeBytes: 4, reducers: 2 };
const causeOf = (ended: unknown) => (ended as { failure: { cause: string } }).failure.cause;

describe('a request with a budget', () => {
  it.each([
    [
      { maxTasks: 4 },
      /^the job would have 5 tasks \(3 map, 2 reduce\), and maxTasks is 4\. Raise maxTasks, choose larger splits/,
    ],
    [
      { maxDollars: 0.000_01 },
      /^the job is likely to cost \$0\.\d+ \(from \$0\.\d+ to \$0\.\d+\), and maxDollars is \$0\.00001\d?\. .* No task has run/,
    ],
  ])('of %j is refused before a task runs and before it claims the output', async (budget, message) => {
    await using machine = await machineWithInput();

    const ended = await machine.execute({ jobId: 'dear', request: { ...REQUEST, ...budget } });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'BudgetExceededError' } });
    expect(causeOf(ended)).toMatch(message);
    expect(machine.log).toEqual(['plan']);
    expect(await machine.store.head('output/dear/_JOB')).toBeUndefined();
  });

  it('that is large enough runs', async () => {
    await using machine = await machineWithInput();

    const ended = await machine.execute({
      jobId: 'cheap',
      request: { ...REQUEST, maxTasks: 5, maxDollars: 0.05 },
    });

    expect(ended.status).toBe('SUCCEEDED');
  });

  it('is checked again when the shuffle is known, before a reduce task runs', async () => {
    await using machine = await machineWithInput();
    let isPlanned = true;

    const ended = await machine.execute(
      { jobId: 'grows', request: { ...REQUEST, maxDollars: 0.05 } },
      {
        async beforeAttempt() {
          if (!isPlanned) return;
          isPlanned = false;
          // As if the map tasks had cost more than was likely.
          const plan = await readDocument<PlanDocument>(machine.store, planKey(jobId('grows')));
          await writeDocument(machine.store, planKey(jobId('grows')), { ...plan, maxDollars: 0.000_01 });
        },
      },
    );

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'BudgetExceededError' } });
    expect(causeOf(ended)).toMatch(/^the map tasks have cost about \$0.*No reduce task has run/);
    expect(machine.log.at(-1)).toBe('map-barrier');
  });
});

describe('the estimate of a job whose files are still to be uploaded', () => {
  const announced = [{ key: 'data/job/000/b.txt', sizeBytes: 8 }];
  const input = (settings: object = {}) => ({
    jobId: 'later',
    request: { ...REQUEST, inputs: ['data/a.txt', 'data/job/000/'], ...settings },
  });
  const estimated = (machine: SimulatedMachine, settings?: object) =>
    dryPlanStep(
      {
        input: input(settings),
        execution: { id: 'dry-run', startTime: '' },
        dryRun: true,
        announced,
      },
      machine.environment,
    );

  it('counts them by their names and sizes, as if they were in the bucket', async () => {
    await using machine = await machineWithInput();

    const { files, bytes, estimate } = await estimated(machine);

    expect({ files, bytes, tasks: estimate.stages.map(({ tasks }) => tasks) }).toEqual({
      files: 2,
      bytes: 20,
      tasks: [5, 2],
    });
    expect(await machine.store.head('jobs/later/request.json')).toBeUndefined();
  });

  it('is compared with the budget', async () => {
    await using machine = await machineWithInput();

    await expect(estimated(machine, { maxTasks: 6 })).rejects.toThrow(
      'the job would have 7 tasks (5 map, 2 reduce), and maxTasks is 6',
    );
  });
});

describe('what a job has spent when its map tasks have ended', () => {
  const of = (elapsedMs: number): SpentSoFar => ({
    jobId: jobId('job'),
    maxDollars: 1,
    // The casts: nothing else is read.
    summaries: [{ elapsedMs } as TaskSummary],
    taskFunction: { memoryMb: 1_024, scratchMb: 10_240 },
    estimate: {
      region: 'us-east-1',
      stages: [{ gbSeconds: { low: 0, likely: 30_000, high: 0 } }],
      dollars: { total: { low: 0, likely: 0.9, high: 5 } },
    } as unknown as JobEstimate,
  });

  it('counts instead of what they were expected to take', () => {
    // $0.0000136270 a second with /tmp: 30,000 were expected ($0.41), and $0.49 are for the rest of the job.
    expect(() => assertSpending(of(37_250_000))).not.toThrow();
    // Without /tmp, these would fit.
    expect(() => assertSpending(of(37_400_000))).toThrow(
      'the map tasks have cost about $0.51 of Lambda, and the whole job is now likely to cost $1.00; maxDollars is $1.00',
    );
  });
});

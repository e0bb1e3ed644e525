import { describe, expect, it } from 'vitest';
import { planStep } from '../../lambdas/steps/plan.ts';
import { type PlanDocument, readDocument, type SettingsDocument } from '../../src/aws/protocol/documents.ts';
import { planKey, settingsKey } from '../../src/aws/protocol/keys.ts';
import { jobId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { lineCount } from '../helpers/jobs.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const ID = jobId('job');

/** One line, and one map task, per number. */
async function machineWith(tasks: number): Promise<SimulatedMachine> {
  const machine = await SimulatedMachine.start({ count: lineCount });
  await machine.store.put('data/a.txt', Buffer.from('one\n'.repeat(tasks)));
  return machine;
}

const submit = (settings: object = {}) => ({
  jobId: ID,
  request: { app: 'count', inputs: ['data/a.txt'], splitSizeBytes: 4, reducers: 2, ...settings },
});

async function planned(machine: SimulatedMachine, deployed: number, input: object) {
  const execution = { id: `execution-${deployed}`, startTime: new Date().toISOString() };
  const state = await planStep(
    { input, execution },
    { ...machine.environment, maxConcurrency: deployed, inlineTasksMax: machine.inlineTasksMax },
  );
  const plan = await readDocument<PlanDocument>(machine.store, planKey(ID));
  const settings = await readDocument<SettingsDocument>(machine.store, settingsKey(ID));
  return { atOnce: state.maxConcurrency, forWatch: settings.maxConcurrency, estimate: plan.estimate! };
}

describe('the tasks of a job that run at once', () => {
  it.each([
    ['as many as the deployment allows', undefined, 800, 800],
    ['as many as the request says', 3, 800, 3],
    ['as many as the request says, up to the maximum of the deployment', 800, 800, 800],
  ])('are %s', async (_, maxConcurrency, deployed, expected) => {
    await using machine = await machineWith(50);

    const { atOnce, forWatch } = await planned(machine, deployed, submit({ maxConcurrency }));

    expect([atOnce, forWatch]).toEqual([expected, expected]);
  });

  it('are no more than an inline Map runs, which has no waves', async () => {
    await using machine = await machineWith(5);

    const { atOnce, forWatch } = await planned(machine, 800, submit());

    expect(atOnce).toBe(LIMITS.inlineTasksMax);
    expect(forWatch).toBe(800);
  });

  it('count in the estimate', async () => {
    await using few = await machineWith(50);
    await using many = await machineWith(50);

    const slow = await planned(few, 800, submit({ maxConcurrency: 1 }));
    const fast = await planned(many, 800, submit());

    expect(slow.estimate.seconds.likely).toBeGreaterThan(1.5 * fast.estimate.seconds.likely);
  });

  it('are as few in the reduce stage, and in rounds that repeat tasks', async () => {
    await using machine = await machineWith(3);
    const seen: number[] = [];
    machine.onState = ({ next, maxConcurrency }) => {
      if (/^(map|reduce)(-inline)?(-watched)?$/.test(next)) seen.push(maxConcurrency);
    };

    const ended = await machine.execute(submit({ maxConcurrency: 2 }), {
      loses: ({ stage, index, round }) => stage === 'map' && index === 0 && round === 0,
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(seen).toEqual([2, 2, 2]);
  });

  it('cannot be more than the deployment allows: the job is refused before it claims its output', async () => {
    await using machine = await machineWith(3);

    const ended = await machine.execute(submit({ maxConcurrency: 11 }));

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
    expect((ended as { failure: { cause: string } }).failure.cause).toBe(
      'maxConcurrency is 11, and this deployment runs at most 10 tasks of a job at once. Ask for at most that many, or deploy with --context maxConcurrency=11',
    );
    expect(await machine.store.head('output/job/_JOB')).toBeUndefined();
  });

  it('become fewer if a redrive finds a deployment that allows fewer', async () => {
    await using machine = await machineWith(50);
    await planned(machine, 800, submit({ maxConcurrency: 500 }));

    const { forWatch } = await planned(machine, 100, { jobId: ID, redrive: true });

    expect(forWatch).toBe(100);
  });
});

/** A job in the simulated AWS, from its start to its end: the project's steps, store and machine in virtual time. */
import { describe, expect, it } from 'vitest';
import { WOKEN_FUNCTIONS } from '../../src/aws/protocol/wake.ts';
import { inputFile, runApp } from '../apps/run-app.ts';
import {
  expectedCounts,
  JOB_ID,
  REDUCERS,
  resultOf,
  runSmallJob,
  startSmallAws,
  TEXTS,
} from './small-job.ts';

describe('word count in the simulated AWS', () => {
  it('makes the bytes of the embedded run', async () => {
    const files = TEXTS.map((text, file) => inputFile(`${file}.txt`, text));
    const embedded = await runApp('word-count', { inputs: files, reducers: REDUCERS });
    await using aws = await startSmallAws();

    const execution = await runSmallJob(aws);

    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { jobId: JOB_ID, parts: REDUCERS } });
    expect(resultOf(aws)).toBe(embedded.text);
    expect(resultOf(aws).split('\n').length - 1).toBe(expectedCounts().size);
  });

  it('runs 4 map tasks and 2 reduce tasks, one invocation each, and removes its work', async () => {
    await using aws = await startSmallAws({ deployment: { backupAttempts: false } });

    const { history, children } = await runSmallJob(aws);

    // Plan, two barriers and commit as well, and the wakes.
    const invocations = 4 + 2 + 4 + WOKEN_FUNCTIONS.length;
    expect(aws.lambda.usage).toMatchObject({ invocations, throttled: 0, errors: {} });
    // Small stages are inline Maps, without children.
    expect(children).toEqual([]);
    expect(history.entered).toContain('Done');
    expect(aws.bucket.keys.filter((key) => key.startsWith('work/'))).toEqual([]);
    expect(aws.bucket.openUploads).toBe(0);
  });

  it('takes virtual seconds, and counts requests, GB-seconds and transitions', async () => {
    await using aws = await startSmallAws();

    await runSmallJob(aws);

    const { usage } = aws.lambda;
    expect(aws.world.clock.nowMs()).toBeGreaterThan(3_000);
    // The woken ones, for whom a step came later.
    expect(usage.coldStarts).toBe(usage.invocations - WOKEN_FUNCTIONS.length);
    expect(usage.gbSeconds).toBeGreaterThan(usage.coldStarts * 0.1);
    expect(aws.stepFunctions.transitions).toBeGreaterThan(10);
    expect(aws.s3.log.counts.GetObject).toBeGreaterThan(4 + 2 * 4);
    expect(aws.s3.log.peakPerSecond).toBeGreaterThan(1);
  });

  it('sends the same requests at the same times with the same seed, and others with another', async () => {
    const scheduleOf = async (seed: number) => {
      await using aws = await startSmallAws({
        seed,
        lambda: { faults: { 'dies-before-call': 0.02 } },
        s3: { faults: { 'slow-down': 0.05 } },
      });
      await runSmallJob(aws);
      return `${aws.s3.log.schedule} ${aws.world.clock.nowMs()}`;
    };
    // The first run loads modules while it runs.
    await scheduleOf(1);

    const [first, second, other] = [await scheduleOf(1), await scheduleOf(1), await scheduleOf(2)];

    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });
});

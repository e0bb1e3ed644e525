/** Jobs whose functions are woken, in the simulated AWS. */
import { describe, expect, it } from 'vitest';
import { smallUpload } from '../../bench/model/small-upload.ts';
import { simulatedUpload } from '../../bench/simulate/small-upload.ts';
import { contentOf } from '../../simulation/s3/stored-bytes.ts';
import { EVENTBRIDGE_FACTS } from '../../src/aws/model/facts.ts';
import { WOKEN_FUNCTIONS } from '../../src/aws/protocol/wake.ts';
import { parseAttempts } from '../../src/report/parse-attempts.ts';
import { JOB_ID, REQUEST, resultOf, runSmallJob, startSmallAws } from './small-job.ts';

const SEEDS = 21;
const STEPS = 6;

async function medianSeconds(warm: boolean): Promise<number> {
  const seconds: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { jobSeconds, invocations, coldStarts } = await simulatedUpload({ seed, warm });
    expect(invocations).toBe(STEPS + WOKEN_FUNCTIONS.length);
    expect(coldStarts).toBeLessThanOrEqual(warm ? 0 : STEPS + 1);
    seconds.push(jobSeconds);
  }
  return seconds.toSorted((a, b) => a - b)[(SEEDS - 1) / 2]!;
}

describe('a small upload in the simulated AWS', () => {
  it.each([
    ['cold', false],
    ['warm', true],
  ])('takes what the model says within 10 %% when functions are %s', async (_, warm) => {
    const deliverySeconds = EVENTBRIDGE_FACTS.deliveryMs.value / 1000;

    const seconds = deliverySeconds + (await medianSeconds(warm));

    const { successSeconds } = smallUpload({ warm }).evaluation;
    expect(Math.abs(seconds / successSeconds - 1)).toBeLessThan(0.1);
  });
});

describe('wakes', () => {
  it.each(['throttled-start', 'twice', 'lost-answer', 'dies-at-clock-read'] as const)(
    'with the fault %s leave the same bytes and no attempt of their own',
    async (fault) => {
      await using plain = await startSmallAws();
      await runSmallJob(plain);
      await using aws = await startSmallAws();
      for (const name of WOKEN_FUNCTIONS) aws.lambda.faults.on(`wake ${name}`, fault);

      const { status } = await runSmallJob(aws);

      expect(status).toBe('SUCCEEDED');
      expect(aws.lambda.faults.left).toBe(0);
      expect(resultOf(aws)).toBe(resultOf(plain));
      const rows = parseAttempts(
        contentOf(aws.bucket.get(`output/${JOB_ID}/_attempts.jsonl.gz`).bytes),
        'attempts',
      );
      expect(rows).toHaveLength(4 + 2);
    },
  );

  it('are not sent for a dry run, nor for an event that starts no job', async () => {
    await using aws = await startSmallAws();
    const invocations = () => aws.lambda.usage.invocations;
    const plan = (event: object) =>
      aws.world.clock.run(
        aws.lambda.invoke('arn:aws:lambda:us-east-1:123456789012:function:Plan', {
          execution: { id: 'arn', startTime: '2026-01-01T00:00:00.000Z' },
          ...event,
        }),
      );

    await plan({ input: { jobId: 'dry', request: REQUEST }, dryRun: true });
    expect(invocations()).toBe(1);
    await plan({
      input: {
        source: 'aws.s3',
        'detail-type': 'Object Created',
        detail: {
          bucket: { name: 'the-bucket' },
          object: { key: 'requests/a.txt', etag: 'e', sequencer: '1' },
        },
      },
    });
    expect(invocations()).toBe(2);
  });
});

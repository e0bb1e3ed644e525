/** Start events that arrive late, twice and in no order start each job once. */
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../simulation/s3/stored-bytes.ts';
import { REQUEST, startSmallAws } from './small-job.ts';

const JOBS = 6;

describe('start events', () => {
  it.each([1, 2, 3])('that come several times and late run each request once, with seed %i', async (seed) => {
    await using aws = await startSmallAws({
      seed,
      events: { duplicateFraction: 0.6, delayedFraction: 0.5 },
    });
    const body = bytesOf(Buffer.from(JSON.stringify(REQUEST)));
    for (let job = 0; job < JOBS; job++) aws.bucket.put(`requests/job-${job}.json`, body);

    await aws.world.clock.run(aws.events.delivered());
    const statuses = new Map<string, string[]>();
    for (const { key, executionArn } of aws.events.deliveries) {
      const { status, history } = await aws.ended(executionArn);
      const about = history.entered.includes('NothingToDo') ? 'nothing to do' : status;
      statuses.set(key, [...(statuses.get(key) ?? []), about]);
    }

    const order = aws.events.deliveries.map(({ key }) => key);
    expect(order).not.toEqual(order.toSorted());
    expect(aws.events.duplicates).toBeGreaterThan(0);
    expect(aws.events.delayed).toBeGreaterThan(0);
    expect(statuses.size).toBe(JOBS);
    for (const all of statuses.values()) {
      expect(all.filter((status) => status === 'SUCCEEDED')).toHaveLength(1);
      expect(all.filter((status) => status !== 'SUCCEEDED' && status !== 'nothing to do')).toEqual([]);
    }
    expect(aws.bucket.keys.filter((key) => key.endsWith('/_SUCCESS'))).toHaveLength(JOBS);
  });

  it('of an upload start a job on the uploaded object', async () => {
    await using aws = await startSmallAws();

    aws.bucket.put('input/word-count/a.txt', bytesOf(Buffer.from('two words\n')));
    await aws.world.clock.run(aws.events.delivered());
    const [delivery] = aws.events.deliveries;
    const { status } = await aws.ended(delivery!.executionArn);

    expect(status).toBe('SUCCEEDED');
  });
});

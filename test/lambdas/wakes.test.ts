/** The plan step wakes the functions of the later steps, and a woken function does nothing. */
import { describe, expect, it } from 'vitest';
import { serveStep } from '../../lambdas/runtime/serve-step.ts';
import { mapBarrier } from '../../lambdas/served/map-barrier.ts';
import { sendWakes, type Wakes } from '../../lambdas/steps/wakes.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { isWakeEvent, WAKE_EVENT, WAKE_MS_MAX } from '../../src/aws/protocol/wake.ts';

function wakesAnsweredAfter(clock: VirtualClock, ms: Readonly<Record<string, number | Error>>) {
  const sent: string[] = [];
  const failed: string[] = [];
  const wakes: Wakes = {
    functions: Object.keys(ms),
    send: async (name, signal) => {
      sent.push(name);
      const answer = ms[name]!;
      if (answer instanceof Error) throw answer;
      await clock.sleep(answer);
      if (signal.aborted) throw new Error('aborted');
    },
    onFailed: (name) => failed.push(name),
  };
  return { wakes, sent, failed };
}

describe('wakes', () => {
  it('are sent at once to every function; the plan waits for the function of the next step alone', async () => {
    const clock = new VirtualClock();
    const { wakes, sent, failed } = wakesAnsweredAfter(clock, { map: 350, reduce: 700 });

    const { nextIsAwake, abandon } = sendWakes(wakes, clock);
    expect(sent).toEqual(['map', 'reduce']);
    await clock.run(nextIsAwake);
    expect(clock.nowMs()).toBe(350);
    abandon();
    await clock.run(clock.sleep(1_000));

    // The answer that nobody waits for any more is no failure.
    expect(failed).toEqual([]);
  });

  it('that fail are reported, and delay nothing', async () => {
    const clock = new VirtualClock();
    const { wakes, failed } = wakesAnsweredAfter(clock, { map: new Error('throttled'), reduce: 10 });

    await clock.run(sendWakes(wakes, clock).nextIsAwake);

    expect(clock.nowMs()).toBe(0);
    expect(failed).toEqual(['map']);
  });

  it('are waited for a bounded time', async () => {
    const clock = new VirtualClock();
    const { wakes } = wakesAnsweredAfter(clock, { map: 60_000 });

    await clock.run(sendWakes(wakes, clock).nextIsAwake);

    expect(clock.nowMs()).toBe(WAKE_MS_MAX);
  });

  it('make the environment of the woken function, but run no step and leave no telemetry', async () => {
    const clock = new VirtualClock();
    let environments = 0;
    const handler = serveStep(mapBarrier, {
      // The cast: a wake uses nothing of it.
      environmentOf: () => ({ made: ++environments }) as never,
      clock,
      telemetryOf: () => {
        throw new Error('telemetry of a wake');
      },
    });
    const context = { awsRequestId: 'request', getRemainingTimeInMillis: () => 1_000 };

    expect(await handler(WAKE_EVENT, context)).toBeUndefined();
    expect(environments).toBe(1);
    await expect(handler({ jobId: 'job' }, context)).rejects.toThrow('telemetry of a wake');
  });

  it.each([[{}], [{ wake: false }], [{ jobId: 'job' }], [null], ['wake'], [undefined]])(
    'are not other events: %j',
    (event) => {
      expect(isWakeEvent(event)).toBe(false);
    },
  );
});

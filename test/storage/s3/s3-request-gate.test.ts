import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { S3_LIMITS } from '../../../src/storage/s3/s3-limits.ts';
import { RequestGate } from '../../../src/storage/s3/s3-request-gate.ts';

/** Sends reads that take `latencyMs` each, and returns how many the gate let through at once. */
type SendReads = (count: number, latencyMs: number) => Promise<number>;

function readsThroughGate(): SendReads {
  const clock = new VirtualClock();
  const gate = new RequestGate({ limits: S3_LIMITS, clock, random: seededRandom(7) });
  return async (count, latencyMs) => {
    let sent = 0;
    const read = async () => {
      const sentMs = clock.nowMs();
      sent += 1;
      await clock.sleep(latencyMs);
      gate.answered({ sentMs, latencyMs });
    };
    const reads = Array.from({ length: count }, () => gate.through('read', read));
    const sentAtOnce = sent;
    await clock.run(Promise.all(reads));
    return sentAtOnce;
  };
}

describe('the reads that a process has in flight', () => {
  it.each([
    { latencyMs: 27, most: 64, why: 'S3 is fast' },
    { latencyMs: 1_500, most: 64, why: 'S3 may be far away' },
    { latencyMs: 2_500, most: 12, why: 'these would wait for half a second' },
    { latencyMs: 10_000, most: 8, why: 'a busy process may have received the responses late' },
    { latencyMs: 29_000, most: 1, why: 'more would time out' },
  ])('are $most after its first ones took $latencyMs ms: $why', async ({ latencyMs, most }) => {
    const send = readsThroughGate();

    const atFirst = await send(64, latencyMs);
    const afterwards = await send(100, 27);

    expect(atFirst).toBe(64);
    expect(afterwards).toBe(most);
  });

  it('decrease sooner if S3 has been fast before', async () => {
    const send = readsThroughGate();

    await send(64, 27);
    await send(64, 1_000);

    expect(await send(100, 1_000)).toBe(32);
  });

  it('never increase while S3 is slow', async () => {
    const send = readsThroughGate();

    await send(64, 29_000);
    await send(32, 10_000);

    expect(await send(100, 27)).toBe(1);
  });

  it('increase again when S3 is fast', async () => {
    const send = readsThroughGate();

    await send(64, 29_000);
    await send(1_000, 27);

    expect(await send(100, 27)).toBe(64);
  });
});

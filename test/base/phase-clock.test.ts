import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PHASES, PhaseClock } from '../../src/base/phase-clock.ts';
import { sum } from '../../src/base/sum.ts';

/** A clock that only moves when told to. */
function handClock() {
  let nowMs = 1_000;
  let reads = 0;
  return {
    nowMs: () => {
      reads++;
      return nowMs;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    reads: () => reads,
  };
}

describe('the phases of an attempt', () => {
  it('are exclusive: work in a phase does not count in the one around it', () => {
    const clock = handClock();
    const phases = new PhaseClock(clock);

    clock.pass(1);
    phases.time('user', () => {
      clock.pass(20);
      phases.time('spilling', () => {
        clock.pass(300);
        phases.time('sorting', () => clock.pass(4_000));
        clock.pass(300);
      });
      clock.pass(20);
    });
    clock.pass(2);

    expect(phases.read()).toEqual({
      elapsedMs: 4_643,
      phasesMs: { other: 3, waiting: 0, reading: 0, user: 40, sorting: 4_000, spilling: 600, writing: 0 },
    });
  });

  it('go on where they were when work throws or rejects', async () => {
    const clock = handClock();
    const phases = new PhaseClock(clock);
    const fail = () => {
      clock.pass(5);
      throw new Error('no');
    };

    expect(() => phases.time('user', fail)).toThrow('no');
    await expect(phases.timeAsync('waiting', async () => fail())).rejects.toThrow('no');
    clock.pass(7);

    expect(phases.read().phasesMs).toMatchObject({ other: 7, user: 5, waiting: 5 });
  });

  it('keep synchronous work apart that runs while the attempt awaits something', async () => {
    const clock = handClock();
    const phases = new PhaseClock(clock);

    await phases.timeAsync('waiting', async () => {
      clock.pass(10);
      await Promise.resolve();
      phases.time('reading', () => clock.pass(3));
      await Promise.resolve();
      clock.pass(10);
    });

    expect(phases.read().phasesMs).toMatchObject({ waiting: 20, reading: 3, other: 0 });
  });

  it('add up to the whole time, whatever the order of switches', () => {
    const step = fc.record({ phase: fc.constantFrom(...PHASES), ms: fc.nat(10_000) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const clock = handClock();
        const phases = new PhaseClock(clock);
        for (const { phase, ms } of steps) {
          phases.enter(phase);
          clock.pass(ms);
        }

        const { elapsedMs, phasesMs } = phases.read();

        expect(sum(Object.values(phasesMs))).toBe(elapsedMs);
        expect(elapsedMs).toBe(sum(steps.map(({ ms }) => ms)));
      }),
    );
  });

  it('cost one look at the clock for a switch, and none for staying', () => {
    const clock = handClock();
    const phases = new PhaseClock(clock);
    const before = clock.reads();

    phases.enter('user');
    phases.enter('user');
    phases.enter('reading');

    expect(clock.reads() - before).toBe(2);
  });
});

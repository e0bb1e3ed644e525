/**
 * A job with synthetic tasks sends the requests that the model expects, and needs its time. `npm run simulate` compares
 * larger ones.
 */
import { describe, expect, it } from 'vitest';
import { SORT, WORD_COUNT } from '../../bench/model/workloads.ts';
import { type Figures, modelled } from '../../bench/simulate/figures.ts';
import { simulated } from '../../bench/simulate/run.ts';
import { MiB } from '../../src/base/limits.ts';

const TOLERANCE = 0.1;
/** A small job consists of latencies, which vary. */
const SECONDS_TOLERANCE = 0.3;

describe('a job of 512 MiB, simulated and modelled', () => {
  it.each([WORD_COUNT, SORT])('agree: $name', async (workload) => {
    const point = { workload, inputBytes: 512 * MiB };

    const simulation = await simulated({ ...point, seed: 1 });

    const model = modelled(point);
    const difference = (figure: keyof Figures & ('seconds' | 'gbSeconds' | 'reads')) =>
      Math.abs(simulation[figure] / model[figure] - 1);
    expect(simulation.tasks).toBe(model.tasks);
    expect(simulation.failedAttempts).toBe(0);
    expect(difference('reads')).toBeLessThan(TOLERANCE);
    expect(difference('gbSeconds')).toBeLessThan(TOLERANCE);
    expect(difference('seconds')).toBeLessThan(SECONDS_TOLERANCE);
  });
});

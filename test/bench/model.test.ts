import { describe, expect, it } from 'vitest';
import { NEXT_STEPS } from '../../bench/model/next-steps.ts';
import { goals, tableRows } from '../../bench/model/report.ts';
import { sensitivities } from '../../bench/model/sensitivity.ts';
import { NOW } from '../../bench/model/settings.ts';
import { SORT } from '../../bench/model/workloads.ts';

describe('the model of large jobs', () => {
  it('finds that this build needs fewer requests and fewer dollars than the earlier one, at every size', () => {
    const rows = tableRows();
    const pairs = rows
      .filter((_, index) => index % 2 === 1)
      .map((now, index) => [rows[2 * index]!, now] as const);

    expect(pairs).toHaveLength(10);
    for (const [before, now] of pairs) {
      expect(before.settings.name).toBe('b0a71bc');
      expect(now.evaluation.reads + now.evaluation.writes).toBeLessThan(
        before.evaluation.reads + before.evaluation.writes,
      );
      expect(now.cost.total).toBeLessThan(before.cost.total);
    }
  });

  it('varies each constant that has a range, most important first', () => {
    const found = sensitivities({ workload: SORT, settings: NOW, inputBytes: 1e12 });

    expect(found.length).toBeGreaterThan(10);
    expect(found.map(({ effect }) => effect)).toEqual(
      found.map(({ effect }) => effect).toSorted((a, b) => b - a),
    );
    expect(found[0]!.effect).toBeGreaterThan(0.1);
  });

  it('computes each next step and each goal', () => {
    for (const { outcome } of NEXT_STEPS) {
      const { seconds, dollars } = outcome(SORT, 1e11);
      expect(seconds * dollars).toBeGreaterThan(0);
    }
    for (const { found } of goals()) expect(found).toBeGreaterThan(0);
  });
});

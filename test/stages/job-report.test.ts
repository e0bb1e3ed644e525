import { describe, expect, it } from 'vitest';
import type { JobPlan } from '../../src/plan/task.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { jobReport, partReports } from '../../src/stages/job-report.ts';

function summaryOf(counters: Record<string, number>): TaskSummary {
  return { recordsWritten: 2, bytesWritten: 3, crc32: '00000000', counters } as TaskSummary;
}

function countersOf(summaries: readonly TaskSummary[]) {
  const partition = { kind: 'hash' };
  const plan = { settings: { jobId: 'j', jobName: 'j', params: {}, reducers: 1, partition }, splits: [] };
  return jobReport(plan as unknown as JobPlan, {
    startedAt: new Date(0),
    wallMs: 0,
    stages: [],
    parts: [],
    partitionRecords: [],
    summaries,
    failures: [],
  }).counters;
}

describe('the counters of a job', () => {
  it('are the sums of what the tasks counted, by name, whatever the names', () => {
    const proto = JSON.parse('{"__proto__": 1, "constructor": 2, "toString": 3, "b": 4}');

    const counters = countersOf([
      summaryOf({ b: 1, a: 2 }),
      summaryOf(proto),
      summaryOf({ a: 0.5 }),
      summaryOf(proto),
    ]);

    expect(JSON.stringify(counters)).toBe('{"__proto__":2,"a":2.5,"b":9,"constructor":4,"toString":6}');
  });
});

describe('the sum of counters that are finite in each task', () => {
  it('is at most the largest finite number, which a manifest can hold', () => {
    const counters = countersOf([
      summaryOf({ up: 1e308, down: -1e308 }),
      summaryOf({ up: 1e308, down: -1e308 }),
    ]);

    expect(counters).toEqual({ up: Number.MAX_VALUE, down: -Number.MAX_VALUE });
  });
});

describe('partReports()', () => {
  it('names the parts by the stage that wrote them', () => {
    const plan = (reducers: number) => ({ settings: { reducers } }) as JobPlan;

    const names = [0, 2].map((reducers) =>
      partReports(plan(reducers), [summaryOf({}), summaryOf({})], 'tsv').map(({ name }) => name),
    );

    expect(names).toEqual([
      ['part-m-00000.tsv', 'part-m-00001.tsv'],
      ['part-r-00000.tsv', 'part-r-00001.tsv'],
    ]);
  });
});

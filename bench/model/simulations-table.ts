/** The simulations of bench/simulate/results.json, each above what the model says about the same job. */
import { type Figures, modelled } from '../simulate/figures.ts';
import { savedRows, sizeText, WORKLOADS } from '../simulate/results.ts';
import { markdownTable } from './markdown.ts';
import { count, dollars } from './report.ts';

export function describeSimulations(): string {
  const header = ['job', 'size', 'by', 'maps x reducers', 'reads', 'writes', 'peak requests/s', '503s'];
  return markdownTable(
    [...header, 'failed attempts', 'seconds', 'GB-seconds', 'dollars', 'simulated on'],
    savedRows().flatMap((row) => {
      const { name } = WORKLOADS[row.job];
      const point = { workload: WORKLOADS[row.job], inputBytes: row.inputBytes };
      const lost = [count(row.throttled), count(row.failedAttempts)];
      return [
        [name, sizeText(row.inputBytes), 'simulation', row.tasks, ...cellsOf(row, lost), row.asOf],
        ['', '', 'model', modelled(point).tasks, ...cellsOf(modelled(point), ['', '']), ''],
      ];
    }),
  );
}

function cellsOf(figures: Figures, lost: readonly string[]): string[] {
  const { reads, writes, peakPerSecond, seconds, gbSeconds } = figures;
  return [
    ...[reads, writes, peakPerSecond].map(count),
    ...lost,
    seconds.toFixed(1),
    count(gbSeconds),
    dollars(figures.dollars),
  ];
}

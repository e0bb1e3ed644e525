/** Formats the results for people, with one table per workload. */
import { OURS } from './contenders.ts';
import type { Verdict } from './paired.ts';
import { ratio, type Spread } from './statistics.ts';
import type { ContenderResult, WorkloadResult } from './suite.ts';
import { formatBytes, formatCount, formatRate, formatRatio, formatSeconds, formatTable } from './table.ts';

const HEADER = ['', 'wall s', '(min-max)', 'user s', 'sys s', 'records/s', 'MB/s', 'peak', 'result'];
/** With more files than this, the number of files per second is worth a line. */
const MANY_FILES = 50;
const HEADER_RATIOS = ['wall ours/it', 'peak ours/it'];

export function describeWorkload(result: WorkloadResult): string {
  const ours = result.contenders.find(({ name }) => name === OURS);
  const compares = ours?.summary !== undefined && result.contenders.length > 1;
  const rows = result.contenders.map((contender) => [
    ...cells(contender),
    ...(compares ? ratioCells(ours, contender) : []),
  ]);
  const { bytes, records, corpus, files } = result.input;
  const inFiles = files === 1 ? '' : ` in ${formatCount(files)} files`;
  const input = `${corpus}, ${formatBytes(bytes)}${inFiles}, ${formatCount(records)} records (lines)`;
  const failures = result.contenders.flatMap(({ name, failure }) =>
    failure === undefined ? [] : [`${name}: ${failure}`],
  );
  return [
    `${result.title} (${result.workload}): ${input}`,
    formatTable(compares ? [...HEADER, ...HEADER_RATIOS] : HEADER, rows),
    ...(files > MANY_FILES ? [filesPerSecond(result)] : []),
    ...failures,
  ].join('\n');
}

function filesPerSecond({ contenders, input }: WorkloadResult): string {
  const rates = contenders.flatMap(({ name, summary }) =>
    summary === undefined ? [] : [`${name} ${formatCount((input.files / summary.wallMs.median) * 1000)}`],
  );
  return `files/s: ${rates.join(', ')}`;
}

/** One line for each build that this one was compared with. */
export function describeComparisons(comparisons: readonly Verdict[]): string {
  return comparisons
    .map(({ build, pairs, wallRatio, cpuRatio, wallMoreMs, allowed, isSlower }) => {
      const range = ({ median, min, max }: Spread, format: (value: number) => string) =>
        `${format(median)} (${format(min)} to ${format(max)})`;
      const factor = (value: number) => value.toFixed(3);
      return [
        `this build / ${build}, median (extremes) of ${pairs} pairs:`,
        `  wall ${range(wallRatio, factor)}, CPU ${range(cpuRatio, factor)}, wall ${range(wallMoreMs, (ms) => `${ms >= 0 ? '+' : ''}${ms.toFixed(0)}`)} ms`,
        `  ${isSlower ? 'SLOWER than allowed' : 'within the limit'}: ${allowed}`,
      ].join('\n');
    })
    .join('\n');
}

function cells({ name, runs, summary, verdict }: ContenderResult): string[] {
  if (summary === undefined) return [name, ...HEADER.slice(2).map(() => '-'), verdict];
  const { wallMs, cpuUserMs, cpuSystemMs, peakBytes, recordsPerSecond, bytesPerSecond } = summary;
  return [
    name,
    formatSeconds(wallMs.median),
    runs.length > 1 ? `(${formatSeconds(wallMs.min)}-${formatSeconds(wallMs.max)})` : '',
    formatSeconds(cpuUserMs.median),
    formatSeconds(cpuSystemMs.median),
    formatCount(recordsPerSecond),
    formatRate(bytesPerSecond, 1000),
    // Zero means that the process ended before the first sample.
    peakBytes.max === 0 ? '-' : formatBytes(peakBytes.max),
    verdict,
  ];
}

function ratioCells(ours: ContenderResult, other: ContenderResult): string[] {
  if (other === ours || ours.summary === undefined || other.summary === undefined) return ['', ''];
  return [
    formatRatio(ratio({ ours: ours.summary.wallMs.median, peer: other.summary.wallMs.median })),
    formatRatio(ratio({ ours: ours.summary.peakBytes.max, peer: other.summary.peakBytes.max })),
  ];
}

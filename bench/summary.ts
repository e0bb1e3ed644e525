/** The table at the end of `--peers`: each of our jobs beside the best of each group of peers. */
import { OURS, OURS_BYTES } from './contenders.ts';
import { PEER_GROUPS } from './peers.ts';
import { ratio } from './statistics.ts';
import type { ContenderResult, WorkloadResult } from './suite.ts';
import { formatBytes, formatRatio, formatSeconds, formatTable } from './table.ts';

export interface SummaryRow {
  readonly workload: string;
  readonly contender: string;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
  /** Read and written by system calls, per byte of (uncompressed) input. */
  readonly movedPerByte: number | undefined;
  /** The fastest of DuckDB and polars, by whatever query is fastest. */
  readonly engine: Rival | undefined;
  /** The fastest of DuckDB and polars by the usual query. */
  readonly direct: Rival | undefined;
  /** The fastest of coreutils, awk and ripgrep. */
  readonly tool: Rival | undefined;
  readonly limit: Rival | undefined;
}

export interface Rival {
  readonly name: string;
  readonly wallMs: number;
  /** Our wall time divided by theirs, medians. */
  readonly ratio: number | undefined;
}

/** A workload has a row for each form of our job that ran. */
export function summaryRows(results: readonly WorkloadResult[]): SummaryRow[] {
  return results.flatMap((result) =>
    result.contenders
      .filter(({ name }) => name === OURS || name === OURS_BYTES)
      .flatMap((ours) => rowOf(result, ours) ?? []),
  );
}

function rowOf(
  { workload, contenders, input }: WorkloadResult,
  ours: ContenderResult,
): SummaryRow | undefined {
  if (ours.summary === undefined) return undefined;
  const { wallMs, cpuUserMs, cpuSystemMs, peakBytes, movedBytes } = ours.summary;
  const has = (wanted: string) => contenders.some(({ name }) => name === wanted);
  const fastest = (names: readonly string[]) => rivalOf(contenders, names, wallMs.median);
  return {
    workload,
    contender: ours.name,
    wallMs: wallMs.median,
    cpuMs: cpuUserMs.median + cpuSystemMs.median,
    peakBytes: peakBytes.max,
    movedPerByte: movedBytes === undefined ? undefined : movedBytes.median / input.bytes,
    engine: fastest([...PEER_GROUPS.engines, ...PEER_GROUPS.direct]),
    direct: fastest(PEER_GROUPS.direct.map((name) => (has(name) ? name : name.replace('-direct', '')))),
    tool: fastest(PEER_GROUPS.tools),
    limit: fastest(PEER_GROUPS.limit),
  };
}

/** Returns the fastest of these whose result was not wrong, or undefined if none ran. */
function rivalOf(
  contenders: readonly ContenderResult[],
  names: readonly string[],
  ourWallMs: number,
): Rival | undefined {
  const [fastest] = contenders
    .flatMap(({ name, summary, verdict }) =>
      summary === undefined || verdict === 'different' || verdict === 'failed' || !names.includes(name)
        ? []
        : [{ name, wallMs: summary.wallMs.median }],
    )
    .sort((a, b) => a.wallMs - b.wallMs);
  return fastest && { ...fastest, ratio: ratio({ ours: ourWallMs, peer: fastest.wallMs }) };
}

export function describeSummary(results: readonly WorkloadResult[]): string {
  const rival = (peer: Rival | undefined) =>
    peer === undefined ? ['-', '-'] : [`${peer.name} ${formatSeconds(peer.wallMs)}`, formatRatio(peer.ratio)];
  const rows = summaryRows(results).map((row) => [
    row.contender === OURS ? row.workload : `${row.workload}, bytes`,
    formatSeconds(row.wallMs),
    formatSeconds(row.cpuMs),
    formatBytes(row.peakBytes),
    row.movedPerByte === undefined ? '-' : row.movedPerByte.toFixed(2),
    ...[row.engine, row.direct, row.tool, row.limit].flatMap(rival),
  ]);
  const against = (title: string) => [title, 'ours/it'];
  return [
    'Summary: medians; moved is what all processes read and wrote by system calls, per byte of input',
    formatTable(
      [
        ...['', 'wall s', 'CPU s', 'peak', 'moved'],
        ...['DuckDB, polars', 'usual query', 'tools', 'limit'].flatMap(against),
      ],
      rows,
    ),
  ].join('\n');
}

/**
 * The results of simulations, kept in results.json: large ones take too long for a test. `npm run simulate -- --save` writes
 * them, and docs/cost.md shows them beside the model.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GiB } from '../../src/base/limits.ts';
import { SIZES, SORT, WORD_COUNT, type Workload } from '../model/workloads.ts';
import type { Figures } from './figures.ts';

export const WORKLOADS = { 'word-count': WORD_COUNT, sort: SORT } as const;
export type WorkloadName = keyof typeof WORKLOADS;

export interface SimulatedRow extends Figures {
  readonly job: WorkloadName;
  readonly inputBytes: number;
  readonly seed: number;
  /** `2026-11-30` */
  readonly asOf: string;
}

const FILE = fileURLToPath(new URL('results.json', import.meta.url));
const JOBS = Object.keys(WORKLOADS);

export function savedRows(): SimulatedRow[] {
  // The cast: only saveRow() writes the file.
  return JSON.parse(readFileSync(FILE, 'utf8')) as SimulatedRow[];
}

/** In place of the row for the same job and size. */
export function saveRow(row: SimulatedRow): void {
  const others = savedRows().filter(
    ({ job, inputBytes }) => job !== row.job || inputBytes !== row.inputBytes,
  );
  const rows = [...others, row].sort(
    (a, b) => JOBS.indexOf(a.job) - JOBS.indexOf(b.job) || a.inputBytes - b.inputBytes,
  );
  writeFileSync(FILE, `${JSON.stringify(rows, null, 2)}\n`);
}

export function savedRowOf(workload: Workload, inputBytes: number): SimulatedRow | undefined {
  return savedRows().find((row) => WORKLOADS[row.job] === workload && row.inputBytes === inputBytes);
}

/** As in the other tables. */
export function sizeText(inputBytes: number): string {
  return SIZES.find(([, bytes]) => bytes === inputBytes)?.[0] ?? `${inputBytes / GiB} GiB`;
}

/**
 * `--smoke` fails if word count or sort takes more than twice the CPU time that history/smoke.json says: a halved speed. It
 * compares CPU time with that of the reference loop, and not seconds, so that it holds on slower and on busy machines.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENGINE_DEFAULT, ourCommand } from './contenders.ts';
import { measure, RunFailed } from './measure.ts';
import { referenceMs } from './reference-loop.ts';
import { prepareNoted } from './suite.ts';
import { formatTable } from './table.ts';
import { type WorkloadName, workload } from './workloads.ts';

const SMOKE_FILE = 'smoke.json';
export const SMOKE_WORKLOADS = ['word-count', 'sort'] as const;
export type SmokeWorkload = (typeof SMOKE_WORKLOADS)[number];
const INPUT_BYTES = 64 << 20;
/** Other programs may slow down a round, but hardly all. */
const ROUNDS_MAX = 4;
/** A halved speed. */
export const SMOKE_RATIO_MAX = 2;

/** CPU time that the input adds to that of a tiny job, divided by that of the reference loop. */
export type SmokeFigures = Readonly<Partial<Record<SmokeWorkload, number>>>;

export interface SmokeResult {
  readonly workload: SmokeWorkload;
  readonly figure: number;
  /** Undefined if the file has none. */
  readonly expected: number | undefined;
  readonly isTooSlow: boolean;
}

export interface SmokeOptions {
  readonly workloads: readonly WorkloadName[];
  readonly workers: number;
  readonly historyFolder: string;
  readonly folder: string;
  readonly note: (text: string) => void;
  /** Measures all rounds, for a figure that later calls are held against. */
  readonly isToBeSaved: boolean;
}

export async function runSmoke(options: SmokeOptions): Promise<SmokeResult[]> {
  const expected = readSmoke(options.historyFolder);
  const results: SmokeResult[] = [];
  for (const name of SMOKE_WORKLOADS.filter((wanted) => options.workloads.includes(wanted))) {
    const { corpus } = workload(name);
    const sizeBytes = corpus === 'records' ? Math.round(INPUT_BYTES / 100) * 100 : INPUT_BYTES;
    const input = prepareNoted(corpus, sizeBytes, options).path;
    const tiny = prepareNoted('tiny', 2048, options).path;
    const figure = async (round: number) => {
      options.note(`smoke: ${name}, round ${round}`);
      const loopMs = referenceMs();
      const startMs = await cpuOf(name, tiny, options);
      return ((await cpuOf(name, input, options)) - startMs) / loopMs;
    };
    results.push(
      await bestOfRounds(name, { figure, expected: expected[name], isToBeSaved: options.isToBeSaved }),
    );
  }
  return results;
}

/** Measures until the best figure is within its limit, or in all rounds if it is to be saved. */
export async function bestOfRounds(
  name: SmokeWorkload,
  options: {
    figure: (round: number) => Promise<number>;
    expected: number | undefined;
    isToBeSaved: boolean;
  },
): Promise<SmokeResult> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 1; ; round++) {
    best = Math.min(best, await options.figure(round));
    const result = smokeResult(name, best, options.expected);
    if (round === ROUNDS_MAX || (!result.isTooSlow && !options.isToBeSaved)) return result;
  }
}

function smokeResult(name: SmokeWorkload, figure: number, expected: number | undefined): SmokeResult {
  const isTooSlow = expected !== undefined && figure > expected * SMOKE_RATIO_MAX;
  return { workload: name, figure, expected, isTooSlow };
}

async function cpuOf(name: SmokeWorkload, input: string, options: SmokeOptions): Promise<number> {
  const contender = ourCommand({ engine: ENGINE_DEFAULT, memory: undefined });
  const output = join(options.folder, `output-${process.pid}`);
  try {
    const started = contender.command({ workload: name, input, output, workers: options.workers })!;
    const { cpuUserMs, cpuSystemMs } = await measure(started);
    return cpuUserMs + cpuSystemMs;
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

export function readSmoke(folder: string): SmokeFigures {
  const path = join(folder, SMOKE_FILE);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SmokeFigures) : {};
}

/** Keeps the figures of workloads that were not measured. */
export function saveSmoke(folder: string, results: readonly SmokeResult[]): void {
  const measured = results.map(({ workload: name, figure }) => [name, Number(figure.toPrecision(3))]);
  const figures: SmokeFigures = { ...readSmoke(folder), ...Object.fromEntries(measured) };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, SMOKE_FILE), `${JSON.stringify(figures, undefined, 2)}\n`);
}

export function describeSmoke(results: readonly SmokeResult[]): string {
  const rows = results.map(({ workload: name, figure, expected, isTooSlow }) => [
    name,
    figure.toFixed(1),
    expected === undefined ? '-' : expected.toFixed(1),
    expected === undefined ? 'nothing saved' : isTooSlow ? 'TOO SLOW' : 'ok',
  ]);
  return [
    `Speed: CPU time of ${INPUT_BYTES >> 20} MiB, without the start, divided by that of a loop over 16 MiB; at most ${SMOKE_RATIO_MAX} times what was saved`,
    formatTable(['', 'now', 'saved', ''], rows),
  ].join('\n');
}

/** @throws {RunFailed} which says what to do */
export function assertFastEnough(results: readonly SmokeResult[]): void {
  const slow = results.filter(({ isTooSlow }) => isTooSlow).map(({ workload: name }) => name);
  if (slow.length === 0) return;
  throw new RunFailed(
    `--smoke: ${slow.join(' and ')} took more than ${SMOKE_RATIO_MAX} times the CPU time in history/smoke.json, in ${ROUNDS_MAX} rounds. ` +
      `Find the commit with "npm run bench -- --engine <older checkout>" and the cause with "npm run bench -- --profile ${slow[0]}". ` +
      'If the cost is meant, save the new figures: npm run bench -- --smoke --save',
  );
}

/**
 * `--s3-overhead`: what the S3 store costs. The same tasks run over files and through the S3 store to MiniStack over TLS, with
 * the compression of jobs on AWS: input, intermediates and output. It compares the CPU seconds of our process, without those of
 * the emulator, and the bytes of the results.
 *
 * Every run is a new process, since a store and the compiled code of the engine warm up. The runs alternate.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmulatorUnavailableError, type RunningEmulator, startMiniStack } from '../../emulators/start.ts';
import { scaledSizeBytes } from '../corpora.ts';
import { type Measurement, measure, RunFailed } from '../measure.ts';
import { describeProfile, profileOptions, readProfiles, summarizeProfiles } from '../profile.ts';
import { ratio, type Spread, spread } from '../statistics.ts';
import { prepareNoted } from '../suite.ts';
import { formatRatio, formatSeconds, formatTable } from '../table.ts';
import { workload } from '../workloads.ts';
import type { StoredAction, StoredRun } from './stored-run.ts';

const SCRIPT = fileURLToPath(new URL('./stored-run.ts', import.meta.url));
const GIB = 2 ** 30;

/** Those of the bench whose apps are on AWS, and the largest ratio of the CPU seconds that is accepted. */
const OVERHEAD_WORKLOADS = {
  'word-count': { app: 'word-count', params: {}, ratioMax: 1.4 },
  sort: { app: 'sort', params: { 'key-length': '10' }, ratioMax: 1.6 },
} as const;

export const OVERHEAD_NAMES = ['word-count', 'sort'] as const satisfies (keyof typeof OVERHEAD_WORKLOADS)[];
export type OverheadName = (typeof OVERHEAD_NAMES)[number];

export interface OverheadOptions {
  readonly names: readonly OverheadName[];
  readonly scale: number;
  readonly runs: number;
  /** For smaller cells than those of the plan: more map tasks, and more reduce tasks. */
  readonly reducers?: number;
  readonly splitSizeBytes?: number;
  /** Shows also which functions take the time, in one more run of each kind. */
  readonly profile: boolean;
  readonly folder: string;
  readonly note: (text: string) => void;
}

export interface OverheadResult extends StoredRun {
  readonly name: OverheadName;
  readonly inputBytes: number;
  readonly files: OverheadFigures;
  readonly s3: OverheadFigures;
  /** Of the medians of the CPU seconds. */
  readonly ratio: number;
  readonly ratioMax: number;
  readonly isEqual: boolean;
  readonly profiles?: { readonly files: string; readonly s3: string };
}

export interface OverheadFigures {
  readonly cpuSecondsPerGib: Spread;
  readonly wallMs: Spread;
}

const KINDS = ['files', 's3'] as const;
type Kind = (typeof KINDS)[number];

export async function measureS3Overhead(options: OverheadOptions): Promise<OverheadResult[]> {
  const emulator = await start();
  const folder = mkdtempSync(join(tmpdir(), 's3-overhead-'));
  try {
    const results: OverheadResult[] = [];
    for (const name of options.names)
      results.push(await measureOne(name, { ...options, emulator, work: folder }));
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await emulator.stop();
  }
}

async function measureOne(
  name: OverheadName,
  options: OverheadOptions & { emulator: RunningEmulator; work: string },
): Promise<OverheadResult> {
  const { emulator, work, note, runs } = options;
  const { app, params, ratioMax } = OVERHEAD_WORKLOADS[name];
  const { corpus } = workload(name);
  const inputBytes = scaledSizeBytes(corpus, options.scale);
  const input = prepareNoted(corpus, inputBytes, options).path;
  const answerFile = join(work, 'answer.json');
  const stores = { files: { folder: join(work, name) }, s3: { bucket: name } };
  const perform = async <T>(kind: Kind, action: StoredAction['action'], nodeOptions: string[] = []) => {
    const { reducers, splitSizeBytes } = options;
    const order: StoredAction = {
      ...{ action, store: stores[kind], app, params, input, answerFile },
      ...(reducers === undefined ? {} : { reducers }),
      ...(splitSizeBytes === undefined ? {} : { splitSizeBytes }),
    };
    const measured = await measure({
      command: [process.execPath, ...nodeOptions, SCRIPT, JSON.stringify(order)],
      env: { ...emulator.environment, NODE_OPTIONS: '--conditions=serverless-mapreduce-source' },
    });
    // The cast: stored-run.ts has written it.
    return { measured, answer: JSON.parse(readFileSync(answerFile, 'utf8')) as T };
  };
  note(`${name}: copies the input to S3`);
  await perform('s3', 'put');
  const measurements: Record<Kind, Measurement[]> = { files: [], s3: [] };
  const results = new Set<string>();
  let ran: StoredRun | undefined;
  const runOnce = async (kind: Kind, nodeOptions?: string[]) => {
    const run = await perform<StoredRun>(kind, 'run', nodeOptions);
    if (kind === 's3') ran = run.answer;
    results.add(JSON.stringify((await perform<Record<string, string>>(kind, 'digest')).answer));
    await perform(kind, 'remove');
    return run.measured;
  };
  for (let run = 1; run <= runs; run++) {
    for (const kind of run % 2 === 0 ? KINDS.toReversed() : KINDS) {
      note(`${name}, run ${run} of ${runs}: ${kind}`);
      measurements[kind].push(await runOnce(kind));
    }
  }
  const profiles = options.profile ? await profilesOf(name, { ...options, runOnce }) : undefined;
  const figures = {
    files: figuresOf(measurements.files, inputBytes),
    s3: figuresOf(measurements.s3, inputBytes),
  };
  const cpuRatio = ratio({
    ours: figures.s3.cpuSecondsPerGib.median,
    peer: figures.files.cpuSecondsPerGib.median,
  })!;
  return {
    ...{ ...ran!, name, inputBytes, ...figures, ratio: cpuRatio, ratioMax },
    isEqual: results.size === 1 && !results.has('{}'),
    ...(profiles === undefined ? {} : { profiles }),
  };
}

async function profilesOf(
  name: OverheadName,
  {
    runOnce,
    folder,
    note,
  }: OverheadOptions & { runOnce: (kind: Kind, nodeOptions: string[]) => Promise<unknown> },
): Promise<{ files: string; s3: string }> {
  const profiles = { files: '', s3: '' };
  for (const kind of KINDS) {
    note(`${name}, with the profiler: ${kind}`);
    const kept = join(folder, `profile-${name}-${kind}`);
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
    await runOnce(kind, profileOptions(kept));
    profiles[kind] = describeProfile(summarizeProfiles(readProfiles(kept)));
  }
  return profiles;
}

function figuresOf(runs: readonly Measurement[], inputBytes: number): OverheadFigures {
  const cpuSeconds = ({ cpuUserMs, cpuSystemMs }: Measurement) => (cpuUserMs + cpuSystemMs) / 1000;
  return {
    cpuSecondsPerGib: spread(runs.map((run) => (cpuSeconds(run) * GIB) / inputBytes)),
    wallMs: spread(runs.map(({ wallMs }) => wallMs)),
  };
}

export function isWithinBounds({ isEqual, ratio: cpuRatio, ratioMax }: OverheadResult): boolean {
  return isEqual && cpuRatio <= ratioMax;
}

export function describeS3Overhead(results: readonly OverheadResult[]): string {
  const of = ({ cpuSecondsPerGib: cpu, wallMs }: OverheadFigures) => [
    `${cpu.median.toFixed(2)} (${cpu.min.toFixed(2)}-${cpu.max.toFixed(2)})`,
    formatSeconds(wallMs.median),
  ];
  const rows = results.map((result) => [
    result.name,
    `${(result.inputBytes / 2 ** 20).toFixed(0)} MiB`,
    `${result.maps} x ${result.reducers}`,
    ...of(result.files),
    ...of(result.s3),
    `${formatRatio(result.ratio)} (at most ${result.ratioMax})`,
    result.isEqual ? 'equal' : 'DIFFERENT',
  ]);
  const header = [
    '',
    'input',
    'tasks',
    'files: CPU s/GiB',
    'wall s',
    'S3: CPU s/GiB',
    'wall s',
    'ratio',
    'results',
  ];
  return [
    formatTable(header, rows),
    ...results.map(({ name, requests }) => {
      const counts = Object.entries(requests).map(([operation, count]) => `${count} ${operation}`);
      return `${name}, requests: ${counts.join(', ')}`;
    }),
    ...results.flatMap(({ name, profiles }) =>
      profiles === undefined ? [] : [`\n${name}, files: ${profiles.files}`, `\n${name}, S3: ${profiles.s3}`],
    ),
  ].join('\n');
}

async function start(): Promise<RunningEmulator> {
  try {
    return await startMiniStack({ port: 'auto', quiet: true });
  } catch (error) {
    if (error instanceof EmulatorUnavailableError) throw new RunFailed(error.message, { cause: error });
    throw error;
  }
}

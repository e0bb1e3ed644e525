/**
 * `--profile <workload>` shows which functions take the time. It makes one run with V8's sampling profiler in the main
 * thread and in every worker, and adds the self time of each function over all threads. idle.ts shows where threads wait.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '../src/report/manifest.ts';
import { parseAttempts } from '../src/report/parse-attempts.ts';
import { ATTEMPTS_NAME, MANIFEST_NAME } from '../src/report/result-names.ts';
import type { Contender } from './contenders.ts';
import { CORPORA, scaledSizeBytes } from './corpora.ts';
import { type BusyThread, type Idle, idleOf, type Span } from './idle.ts';
import { measure } from './measure.ts';
import { prepareNoted } from './suite.ts';
import { formatSeconds, formatTable } from './table.ts';
import { type WorkloadName, workload } from './workloads.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SAMPLE_INTERVAL_US = 500;
export const PROFILE_FUNCTIONS_MAX = 30;
const FILES_MAX = 15;

/** The fields of a --cpu-prof file that are used here. Times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  /** On the clock of process.hrtime(). */
  readonly startTime: number;
}

/** Node names the files CPU.<date>.<time>.<process>.<thread>.<number>.cpuprofile. */
export interface ThreadProfile extends CpuProfile {
  readonly threadId: number;
}

export interface ProfileEntry {
  readonly name: string;
  /** `src/map/key-sort.ts:41`, `node:fs:512`, or empty for functions of V8. */
  readonly place: string;
  readonly selfMs: number;
}

export interface ProfileSummary {
  readonly threads: number;
  /** The busy time of all threads, without idle time. */
  readonly busyMs: number;
  readonly idleMs: number;
  /** The most expensive first. */
  readonly functions: readonly ProfileEntry[];
  readonly files: readonly ProfileEntry[];
}

export async function runProfile(
  name: WorkloadName,
  options: {
    contender: Contender;
    scale: number;
    workers: number;
    folder: string;
    note: (text: string) => void;
  },
): Promise<{ summary: ProfileSummary; idle: Idle | undefined; wallMs: number; folder: string }> {
  const { corpus } = workload(name);
  const { path } = prepareNoted(corpus, scaledSizeBytes(corpus, options.scale), options);
  const output = join(options.folder, `output-${process.pid}`);
  const folder = join(options.folder, `profile-${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  options.note(`profile: ${name}, ${CORPORA[corpus].title}`);
  const { command } = options.contender.command({
    workload: name,
    input: path,
    output,
    workers: options.workers,
  })!;
  try {
    // Sets NODE_OPTIONS, which threads inherit.
    const nodeOptions = profileOptions(folder).join(' ');
    const startMs = Date.now();
    const { wallMs } = await measure({
      command,
      env: { NODE_OPTIONS: [process.env.NODE_OPTIONS, nodeOptions].filter(Boolean).join(' ') },
    });
    const profiles = readProfiles(folder);
    const span = { startMs, endMs: startMs + wallMs };
    const idle = readIdle({ output, process: span, workers: options.workers, profiles });
    return { summary: summarizeProfiles(profiles), idle, wallMs, folder };
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

/** Returns undefined if the build does not write the rows of its attempts. */
function readIdle(run: {
  output: string;
  process: Span;
  workers: number;
  profiles: readonly ThreadProfile[];
}): Idle | undefined {
  const [manifest, attempts] = [join(run.output, MANIFEST_NAME), join(run.output, ATTEMPTS_NAME)];
  if (!existsSync(manifest) || !existsSync(attempts)) return undefined;
  const originMs = Date.now() - Number(process.hrtime.bigint()) / 1e6;
  return idleOf({
    process: run.process,
    report: parseManifest(readFileSync(manifest, 'utf8'), manifest),
    rows: parseAttempts(readFileSync(attempts), attempts),
    workers: run.workers,
    profiles: run.profiles.map((profile) => busyThread(profile, originMs)),
  });
}

/**
 * When the thread ran. `originMs` is the time at which process.hrtime() was 0, in milliseconds since 1970.
 * Exported for its test.
 */
export function busyThread(profile: ThreadProfile, originMs: number): BusyThread {
  const idle = new Set(
    profile.nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id),
  );
  const busy: { startMs: number; endMs: number }[] = [];
  let atMs = originMs + profile.startTime / 1000;
  for (const [i, node] of profile.samples.entries()) {
    const endMs = atMs + Math.max(0, profile.timeDeltas[i]!) / 1000;
    const last = busy.at(-1);
    if (!idle.has(node)) {
      if (last?.endMs === atMs) last.endMs = endMs;
      else busy.push({ startMs: atMs, endMs });
    }
    atMs = endMs;
  }
  return { threadId: profile.threadId, busy };
}

/** Options of Node. Each thread writes its own profile into the folder when it ends or is terminated. */
export function profileOptions(folder: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_INTERVAL_US}`];
}

export function summarizeProfiles(profiles: readonly CpuProfile[]): ProfileSummary {
  const functions = new Map<string, { name: string; place: string; selfMs: number }>();
  const files = new Map<string, { name: string; place: string; selfMs: number }>();
  let busyMs = 0;
  let idleMs = 0;
  for (const profile of profiles) {
    for (const [{ callFrame }, selfMs] of selfTimes(profile)) {
      if (callFrame.functionName === '(idle)') {
        idleMs += selfMs;
        continue;
      }
      busyMs += selfMs;
      const file = fileOf(callFrame.url);
      const name = callFrame.functionName || '(anonymous)';
      const place = file === '' ? '' : `${file}:${callFrame.lineNumber + 1}`;
      add(functions, { name, place, selfMs });
      add(files, { name: file === '' ? name : file, place: '', selfMs });
    }
  }
  const costliest = (entries: Map<string, ProfileEntry>) =>
    [...entries.values()].sort((a, b) => b.selfMs - a.selfMs);
  return {
    threads: profiles.length,
    busyMs,
    idleMs,
    functions: costliest(functions),
    files: costliest(files),
  };
}

export function describeProfile(summary: ProfileSummary): string {
  const share = (selfMs: number) => `${((100 * selfMs) / Math.max(summary.busyMs, 1e-9)).toFixed(1)} %`;
  const functions = summary.functions
    .slice(0, PROFILE_FUNCTIONS_MAX)
    .map(({ name, place, selfMs }) => [`${name}  ${place}`.trimEnd(), formatSeconds(selfMs), share(selfMs)]);
  const files = summary.files
    .slice(0, FILES_MAX)
    .map(({ name, selfMs }) => [name, formatSeconds(selfMs), share(selfMs)]);
  return [
    `${summary.threads} threads, ${formatSeconds(summary.busyMs)} s busy, ${formatSeconds(summary.idleMs)} s idle`,
    formatTable(['function', 'self s', 'of busy'], functions),
    '',
    formatTable(['file', 'self s', 'of busy'], files),
  ].join('\n');
}

function* selfTimes(profile: CpuProfile): Generator<[CpuProfile['nodes'][number], number]> {
  const microseconds = new Map<number, number>();
  for (let i = 0; i < profile.samples.length; i++) {
    const node = profile.samples[i]!;
    // V8 gives a negative difference when two samples arrive out of order.
    microseconds.set(node, (microseconds.get(node) ?? 0) + Math.max(0, profile.timeDeltas[i]!));
  }
  for (const node of profile.nodes) {
    const self = microseconds.get(node.id);
    if (self !== undefined) yield [node, self / 1000];
  }
}

function add(
  entries: Map<string, { name: string; place: string; selfMs: number }>,
  entry: ProfileEntry,
): void {
  const key = `${entry.name}\n${entry.place}`;
  const known = entries.get(key);
  if (known === undefined) entries.set(key, { ...entry });
  else known.selfMs += entry.selfMs;
}

function fileOf(url: string): string {
  return url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
}

export function readProfiles(folder: string): ThreadProfile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => ({
      ...(JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile),
      threadId: Number(name.split('.')[4]),
    }));
}

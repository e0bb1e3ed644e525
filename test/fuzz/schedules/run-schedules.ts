/** Runs many schedules in processes of their own, because each takes one core. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExpectedResult } from '../../../simulation/schedules/small-jobs.ts';
import type { ScheduleEnd } from './run-schedule.ts';

const WORKER = join(import.meta.dirname, 'worker.ts');

export interface SchedulesOptions {
  readonly seed: number;
  readonly count: number;
  readonly expected: readonly ExpectedResult[];
  /** Default: one for each core. */
  readonly processes?: number;
  /** Loaded before the worker: changes the sources that the schedules run (mutants.ts). */
  readonly preload?: URL;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each schedule, in the order in which they end. Returns whether to go on. */
  readonly onEnd: (end: ScheduleEnd & { readonly seed: number }) => boolean;
}

/** @throws Error if a process ends otherwise than by itself */
export async function runSchedules(options: SchedulesOptions): Promise<void> {
  const { processes = availableParallelism(), expected } = options;
  const folder = mkdtempSync(join(tmpdir(), 'mapreduce-schedules-'));
  const file = join(folder, 'expected.json');
  writeFileSync(file, JSON.stringify(expected));
  const controller = new AbortController();
  try {
    await Promise.all(
      Array.from({ length: processes }, (_, index) =>
        runProcess(file, index, processes, options, controller),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runProcess(
  file: string,
  index: number,
  processes: number,
  { seed, count, preload, env = {}, onEnd }: SchedulesOptions,
  controller: AbortController,
): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=serverless-mapreduce-source',
      ...(preload === undefined ? [] : ['--import', preload.href]),
      WORKER,
      file,
      String(seed + index),
      String(count - index),
      String(processes),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, signal: controller.signal },
  );
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    child.once('error', () => resolve(null));
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2_000);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (controller.signal.aborted) break;
    if (!onEnd(JSON.parse(line) as ScheduleEnd & { seed: number })) controller.abort();
  }
  const code = await exited;
  if (code !== 0 && !controller.signal.aborted)
    throw new Error(`a process of schedules ended with ${code}: ${errors}`);
}

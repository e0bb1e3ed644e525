/** The programs that the benchmark compares, each as a command for a child process. peers.ts has those that are not ours. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type WorkloadName, workload } from './workloads.ts';

export const OURS = 'mapreduce';
/** The job of a workload that works on bytes instead of text. */
export const OURS_BYTES = 'mapreduce-bytes';

/** This checkout's command. */
export const ENGINE_DEFAULT = fileURLToPath(new URL('../bin/mapreduce.js', import.meta.url));

export interface Contender {
  readonly name: string;
  /** The version that the program prints. */
  readonly version: string;
  /** Returns undefined if the program cannot run this workload. */
  command(run: ContenderRun): ContenderCommand | undefined;
}

export interface ContenderRun {
  readonly workload: WorkloadName;
  readonly input: string;
  /** Does not exist yet. A peer creates a file, our command creates a folder. */
  readonly output: string;
  readonly workers: number;
}

export interface ContenderCommand {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function ourCommand(options: { engine: string; memory: string | undefined }): Contender {
  return {
    name: OURS,
    version: 'this checkout',
    command({ workload: name, input, output, workers }) {
      const [job, ...parameters] = workload(name).ours;
      const jobOrPath = jobOf(job!, options.engine);
      if (jobOrPath === undefined) return undefined;
      return {
        command: [
          ...[process.execPath, options.engine, 'run', jobOrPath, ...parameters],
          ...['--input', input, '--output', output, '--overwrite', '--workers', String(workers)],
          ...(options.memory === undefined ? [] : ['--memory', options.memory]),
        ],
      };
    },
  };
}

/** Our command with the bytes form of a job. It has no command for workloads without one. */
export function ourBytesCommand(options: { engine: string; memory: string | undefined }): Contender {
  const ours = ourCommand(options);
  return {
    name: OURS_BYTES,
    version: 'the same job over bytes',
    command(run) {
      const { bytesForm } = workload(run.workload);
      return bytesForm === undefined ? undefined : ours.command({ ...run, workload: bytesForm });
    },
  };
}

/** A job module of the benchmark belongs to the checkout of the engine, since it imports that engine's API. */
export function jobOf(job: string, engine: string): string | undefined {
  if (!job.endsWith('.ts')) return job;
  const path = join(dirname(dirname(engine)), job);
  return existsSync(path) ? path : undefined;
}

/** The command of another checkout. `path` is its folder or the command itself. */
export function engineAt(path: string): string {
  const absolute = resolve(path);
  const isFolder = statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(absolute, 'bin', 'mapreduce.js') : absolute;
}

/** Another build of our command. Its path is its name. */
export function otherBuild(options: { engine: string; memory: string | undefined }): Contender {
  return { ...ourCommand(options), name: options.engine.replace(/\/bin\/mapreduce\.js$/, '') };
}

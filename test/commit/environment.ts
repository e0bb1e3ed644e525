/** Creates the environment of an attempt for tests: a memory store and a real folder for spills. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Job, ParameterValues } from '../../src/api/job.ts';
import { systemClock } from '../../src/base/clock.ts';
import { jobId } from '../../src/base/ids.ts';
import { MiB } from '../../src/base/limits.ts';
import { type AttemptControl, newProgress } from '../../src/base/progress.ts';
import type { JobLayout, JobSettings, TaskEnvironment } from '../../src/plan/task.ts';
import { AttemptMeter } from '../../src/report/attempt-meter.ts';
import type { BlockCompression } from '../../src/shuffle/block.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export const LAYOUT: JobLayout = { workPrefix: 'work/', outputPrefix: 'out/' };

export const NO_CONTROL: AttemptControl = { check: () => {} };

/** Creates a folder that is removed at the end of the block: `using scratch = scratchFolder()`. */
export function scratchFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'attempt-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The same for all tests of a file. Call it outside of tests. */
export function scratchOfFile(): { readonly path: string } {
  const scratch = scratchFolder();
  afterAll(() => scratch[Symbol.dispose]());
  return scratch;
}

export function settingsOf(job: Job, more: Partial<JobSettings> = {}): JobSettings {
  return {
    formatVersion: 1,
    jobId: jobId('test'),
    jobName: job.name,
    params: {} as ParameterValues,
    reducers: job.shuffle === undefined ? 0 : (job.shuffle.reducers ?? 1),
    partition: typeof job.shuffle?.partition === 'function' ? { kind: 'custom' } : { kind: 'hash' },
    compression: { codec: 'none' } as BlockCompression,
    merge: false,
    ...more,
  };
}

export function newMeter(): AttemptMeter {
  return new AttemptMeter({
    clock: systemClock,
    now: () => new Date(),
    environment: 'test',
    memoryBytes: () => process.memoryUsage.rss(),
  });
}

export function environmentOf(
  job: Job,
  {
    settings = {},
    store = new MemoryStore(),
    scratch,
    memoryBytes = 64 * MiB,
    control = NO_CONTROL,
    staging,
  }: {
    settings?: Partial<JobSettings>;
    store?: ObjectStore;
    /** The folder for spills. Without it, the attempt must not spill. */
    scratch?: string;
    memoryBytes?: number;
    control?: AttemptControl;
    staging?: TaskEnvironment['staging'];
  } = {},
): TaskEnvironment {
  return {
    job,
    settings: settingsOf(job, settings),
    layout: LAYOUT,
    inputs: store,
    store,
    scratchFolder: scratch ?? '/nowhere',
    ...(staging === undefined ? {} : { staging }),
    memoryBytes,
    meter: newMeter(),
    progress: newProgress(),
    control,
  };
}

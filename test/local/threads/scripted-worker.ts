/**
 * A worker whose attempts follow a script. The configuration has the behaviour of each task by its index. A commit creates
 * a file that must not exist yet.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { MapReduceError } from '../../../src/base/errors.ts';
import type { AttemptToRun } from '../../../src/local/threads/task-runner.ts';
import { serveAttempts } from '../../../src/local/threads/worker-loop.ts';

/** Long enough for a thread to start on a very busy machine. */
const PATIENCE_MS = 120_000;

export type Behaviour =
  | {
      readonly does: 'commit';
      readonly workMs?: number;
      /** Works until the test lets it commit, see `ScriptedData.gate`. */
      readonly waits?: boolean;
      readonly prints?: readonly string[];
    }
  /** Commits when this many attempts run at the same time. */
  | { readonly does: 'meet'; readonly attempts: number }
  | { readonly does: 'throw' }
  | { readonly does: 'exit'; readonly prints?: string }
  | { readonly does: 'throw uncaught' }
  | { readonly does: 'loop' }
  | { readonly does: 'work on'; readonly checks: boolean }
  | { readonly does: 'fill the heap'; readonly into: 'array' | 'map'; readonly checks: boolean };

export interface ScriptedConfiguration {
  readonly commitFolder: string;
  /** The behaviour of the first attempt of each task. Further attempts commit, unless `always` is set. */
  readonly behaviours: readonly Behaviour[];
  readonly always?: boolean;
}

export interface ScriptedData {
  readonly meeting: SharedArrayBuffer;
  /** One number, which is not 0 when waiting attempts may commit. */
  readonly gate: SharedArrayBuffer;
  readonly failsToLoad?: boolean;
}

serveAttempts<ScriptedConfiguration>(async (data) => {
  const { meeting, gate, failsToLoad } = data as ScriptedData;
  if (failsToLoad) throw new MapReduceError('JobDefinitionError', 'the job module has no default export');
  const shared = { meeting: new Int32Array(meeting), gate: new Int32Array(gate) };
  return { run: (attempt) => act(attempt, shared) };
});

async function act(
  attempt: AttemptToRun<ScriptedConfiguration>,
  { meeting, gate }: { meeting: Int32Array; gate: Int32Array },
) {
  const { spec, attemptId, configuration, progress, control, scratchFolder } = attempt;
  const isFirst = attemptId.endsWith('.0');
  const behaviour: Behaviour =
    isFirst || configuration.always ? configuration.behaviours[spec.index]! : { does: 'commit' };
  if (readdirSync(scratchFolder).length > 0) throw new Error('the scratch folder is not empty');
  writeFileSync(join(scratchFolder, 'spill'), 'x');
  progress.pieceIndex = 0;
  progress.chunkOffsetBytes = 262_144;
  switch (behaviour.does) {
    case 'commit':
      for (const text of behaviour.prints ?? []) process.stdout.write(text);
      for (const endMs = Date.now() + (behaviour.workMs ?? 0); Date.now() < endMs; ) progress.recordsRead++;
      while (behaviour.waits && Atomics.load(gate, 0) === 0) progress.recordsRead++;
      break;
    case 'meet':
      Atomics.add(meeting, 0, 1);
      Atomics.notify(meeting, 0);
      while (Atomics.load(meeting, 0) < behaviour.attempts) {
        if (Atomics.wait(meeting, 0, Atomics.load(meeting, 0), PATIENCE_MS) === 'timed-out')
          throw new Error('nobody came');
      }
      break;
    case 'throw':
      throw new MapReduceError('UserCodeError', 'map threw: boom', {
        details: { file: '/data/a.txt', offsetBytes: 7 },
        cause: new RangeError('boom'),
      });
    case 'exit':
      if (behaviour.prints) console.log(behaviour.prints);
      process.exit(7);
      break;
    case 'throw uncaught':
      setTimeout(() => {
        throw new TypeError('in a timer');
      });
      await new Promise(() => {});
      break;
    case 'loop':
      for (;;);
    case 'work on':
      for (;;) {
        progress.recordsRead++;
        if (behaviour.checks && progress.recordsRead % 1_000 === 0) control.check();
      }
    case 'fill the heap': {
      const array: unknown[] = [];
      const map = new Map<string, unknown>();
      for (let i = 0; ; i++) {
        if (behaviour.into === 'array') array.push({ text: `record ${i}`, numbers: [i] });
        else map.set(`record ${i}`, { number: i });
        progress.recordsRead++;
        if (behaviour.checks && i % 1_000 === 0) control.check();
      }
    }
  }
  const path = join(configuration.commitFolder, spec.taskId);
  const committed = !existsSync(path) && created(path, attemptId);
  return {
    taskId: spec.taskId,
    attemptId,
    committed,
    counters: { threadId },
    recordsRead: progress.recordsRead,
    bytesRead: 0,
    recordsWritten: 0,
    bytesWritten: 0,
    spills: 0,
    bytesSpilled: 0,
  };
}

function created(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * The worker's side of a pool: takes attempts from the coordinator, one at a time, and answers how each ended. A worker
 * module (worker.ts, or a stand-in in a test) makes its runner and calls `serveAttempts`.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { MapReduceError, serializeError, toMapReduceError } from '../errors.ts';
import { HeapGuard } from './heap-guard.ts';
import { SharedProgress, SharedSignals, sharedControl } from './shared-progress.ts';
import type { TaskRunner } from './task-runner.ts';
import type { FromWorker, ToWorker, WorkerBirth } from './worker-messages.ts';

/**
 * `makeRunner` is called at once, with what the pool's owner passed as `workerData`: loading the job overlaps with
 * planning. If it fails, every attempt on this worker fails with its error.
 */
export function serveAttempts<Configuration>(
  makeRunner: (data: unknown) => Promise<TaskRunner<Configuration>>,
): void {
  const port = coordinatorPort();
  const { shared, heapBoundBytes, data } = workerData as WorkerBirth;
  const progress = new SharedProgress(shared);
  const signals = new SharedSignals(shared);
  const heap = new HeapGuard(heapBoundBytes);
  const runner = makeRunner(data);
  runner.catch(() => {});
  let configuration: Configuration;

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'configure') {
      configuration = message.configuration as Configuration;
    } else {
      void runOne(message);
    }
  });

  async function runOne({ run, spec, attemptId, scratchFolder }: ToWorker & { kind: 'run' }): Promise<void> {
    const control = sharedControl(signals, run, () => heap.look(performance.now()));
    try {
      const ready = await runner;
      signals.begin(run);
      makeFolder(scratchFolder);
      const result = await ready.run({ spec, attemptId, configuration, scratchFolder, progress, control });
      rmSync(scratchFolder, { recursive: true, force: true });
      await printed();
      answer({ kind: 'result', run, result });
    } catch (error) {
      await printed();
      answer({ kind: 'error', run, error: serializeError(error) });
    }
  }

  function answer(message: FromWorker): void {
    port.postMessage(message);
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw toMapReduceError(error);
  }
}

/**
 * A worker's stdout and stderr are streams to the coordinator's thread, with at most one write under way: what
 * user code printed in a burst waits here, and would be lost if the worker were ended after its last answer.
 */
async function printed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

function coordinatorPort(): MessagePort {
  if (parentPort === null) throw new MapReduceError('UsageError', 'this module runs as a worker thread only');
  return parentPort;
}

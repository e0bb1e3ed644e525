/**
 * The worker's side of a pool: takes attempts from the coordinator, one at a time, and answers how each ended. A worker
 * module (worker.ts, or a stand-in in a test) makes its runner and calls `serveAttempts`.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { MapReduceError, serializeError, toMapReduceError } from '../../base/errors.ts';
import { HeapGuard } from './heap-guard.ts';
import { SharedProgress, SharedSignals, sharedControl } from './shared-progress.ts';
import type { TaskRunner } from './task-runner.ts';
import type { ExitCall, FromWorker, ToWorker, WorkerBirth } from './worker-messages.ts';

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
  announceExit((call) => answer({ kind: 'exiting', ...call }));
  const runner = makeRunner(data);
  let configuration: Configuration;

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'configure') {
      configuration = message.configuration as Configuration;
    } else {
      void runOne(message);
    }
  });
  // A module that waits at its top level for what never happens ends the thread, which otherwise would wait with it.
  port.unref();
  runner.then(
    () => port.ref(),
    () => port.ref(),
  );

  async function runOne(message: Exclude<ToWorker, { kind: 'configure' }>): Promise<void> {
    const { run } = message;
    try {
      const done = await workOn(message, await runner);
      await printed();
      answer(done);
    } catch (error) {
      await printed();
      answer({ kind: 'error', run, error: serializeError(error) });
    }
  }

  async function workOn(
    message: Exclude<ToWorker, { kind: 'configure' }>,
    ready: TaskRunner<Configuration>,
  ): Promise<FromWorker> {
    const { run } = message;
    const control = sharedControl(signals, run, () => heap.look(performance.now()));
    signals.begin(run);
    if (message.kind === 'ask') {
      return { kind: 'answer', run, answer: await ready.answer?.(message.question, { progress, control }) };
    }
    const { spec, attemptId, scratchFolder } = message;
    makeFolder(scratchFolder);
    const result = await ready.run({ spec, attemptId, configuration, scratchFolder, progress, control });
    rmSync(scratchFolder, { recursive: true, force: true });
    return { kind: 'result', run, result };
  }

  function answer(message: FromWorker): void {
    port.postMessage(message);
  }
}

/** In a worker, process.exit ends the thread alone, and nothing says who called it. */
function announceExit(tell: (call: ExitCall) => void): void {
  const { exit } = process;
  process.exit = (code) => {
    const { stack = '' } = new Error(`process.exit(${code ?? ''})`);
    tell({ code: String(code ?? ''), stack });
    return exit.call(process, code);
  };
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

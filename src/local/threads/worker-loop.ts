/**
 * The worker's side of a pool. It receives attempts from the coordinator, one at a time, and reports how each ended. A
 * worker module (worker.ts, or a scripted one in a test) creates its runner and calls `serveAttempts`.
 */
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { MapReduceError, serializeError, toMapReduceError } from '../../base/errors.ts';
import type { Stage } from '../../base/ids.ts';
import { AttemptMeter, type Measured } from '../../report/attempt-meter.ts';
import { keepCompiledCode } from '../run/build-modules.ts';
import { HeapGuard } from './heap-guard.ts';
import { SharedProgress, SharedSignals, sharedControl } from './shared-progress.ts';
import type { TaskRunner } from './task-runner.ts';
import type { ExitCall, FromWorker, ToWorker, WorkerBirth } from './worker-messages.ts';

/**
 * Calls `makeRunner` with the `workerData` of the pool as soon as it arrives, so that loading the job overlaps with planning.
 * If it fails, every attempt on this worker fails with its error.
 */
export function serveAttempts<Configuration>(
  makeRunner: (data: unknown) => Promise<TaskRunner<Configuration>>,
): void {
  const port = coordinatorPort();
  port.once('message', (birth: WorkerBirth) => serve(port, birth, makeRunner));
}

function serve<Configuration>(
  port: MessagePort,
  { shared, heapBoundBytes, data }: WorkerBirth,
  makeRunner: (data: unknown) => Promise<TaskRunner<Configuration>>,
): void {
  const progress = new SharedProgress(shared);
  const signals = new SharedSignals(shared);
  const heap = new HeapGuard(heapBoundBytes);
  reportExit((call) => send({ kind: 'exiting', ...call }));
  const runner = makeRunner(data);
  let configuration: Configuration;
  const meters = new ThreadMeters();
  const stagesRun = new Set<Stage>();

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'configure') {
      // The cast: the coordinator and makeRunner() of one pool have the same configuration.
      configuration = message.configuration as Configuration;
    } else {
      void runOne(message);
    }
  });
  // If a module awaits a promise at its top level that never settles, the thread ends. With the port referenced, the
  // thread would wait forever.
  port.unref();
  const loaded = () => {
    meters.loaded();
    port.ref();
  };
  runner.then(loaded, loaded);

  async function runOne(message: Exclude<ToWorker, { kind: 'configure' }>): Promise<void> {
    const { run } = message;
    meters.reset();
    try {
      const done = await workOn(message, await runner);
      await flushOutput();
      send(done);
    } catch (error) {
      await flushOutput();
      send({ kind: 'error', run, error: serializeError(error), measured: meters.measured() });
    }
  }

  async function workOn(
    message: Exclude<ToWorker, { kind: 'configure' }>,
    ready: TaskRunner<Configuration>,
  ): Promise<FromWorker> {
    const { run } = message;
    const control = sharedControl(signals, run, () => heap.check(performance.now()));
    signals.begin(run);
    if (message.kind === 'ask') {
      return { kind: 'answer', run, answer: await ready.answer?.(message.question, { progress, control }) };
    }
    const { spec, attemptId, scratchFolder } = message;
    makeFolder(scratchFolder);
    const task = { spec, attemptId, configuration, scratchFolder };
    const result = await ready.run({ ...task, meter: meters.begin(), progress, control });
    removeFolder(scratchFolder);
    if (!stagesRun.has(spec.stage)) keepCompiledCode();
    stagesRun.add(spec.stage);
    return { kind: 'result', run, result };
  }

  function send(message: FromWorker): void {
    port.postMessage(message);
  }
}

/** Measures the attempts of this thread, one after the other. */
class ThreadMeters {
  /** From the start of the thread until it had loaded the job; undefined once an attempt has reported it. */
  #coldStartMs: number | undefined;
  #meter: AttemptMeter | undefined;

  loaded(): void {
    this.#coldStartMs = performance.now();
  }

  begin(): AttemptMeter {
    const coldStartMs = this.#coldStartMs;
    this.#coldStartMs = undefined;
    this.#meter = new AttemptMeter({
      clock: systemClock,
      now: () => new Date(),
      // The coordinator numbers the workers, and adds the number of this one.
      environment: '',
      ...(coldStartMs === undefined ? {} : { coldStartMs }),
      memoryBytes: threadBytes,
    });
    return this.#meter;
  }

  /** Of the attempt that has begun since reset(). */
  measured(): Measured | undefined {
    return this.#meter?.measured();
  }

  reset(): void {
    this.#meter = undefined;
  }
}

/** The resident memory is that of all threads together. */
function threadBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Reports the caller of process.exit, which in a worker ends only the thread, without showing where it was called. */
function reportExit(report: (call: ExitCall) => void): void {
  const { exit } = process;
  process.exit = (code) => {
    const { stack = '' } = new Error(`process.exit(${code ?? ''})`);
    report({ code: String(code ?? ''), stack });
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

/** Mostly it is empty. Loading what removes a full one takes 2 ms. */
function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Waits until the coordinator has received what user code printed. A worker's stdout and stderr are streams to the
 * coordinator's thread with one pending write at a time. The rest waits in the worker, and would be lost if the worker were
 * ended after its last message.
 */
async function flushOutput(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

function coordinatorPort(): MessagePort {
  if (parentPort === null) throw new MapReduceError('UsageError', 'this module runs only as a worker thread');
  return parentPort;
}

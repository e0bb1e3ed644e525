/**
 * Ctrl-C and similar signals. The first asks the job to stop and clean up; the second ends the process immediately.
 */
import { MapReduceError } from '../../base/errors.ts';
import { exitCodeOfSignal } from './exit-code.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies NodeJS.Signals[];

/** npm forwards the SIGINT that the terminal sends to all its processes, so one key press arrives twice. */
const SAME_KEY_PRESS_MS = 100;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** The signal that was received, if any. */
  readonly received: () => NodeJS.Signals | undefined;
  /** Restores what signals do by default. */
  readonly release: () => void;
}

/** @param tell  called once, at the first signal */
export function listenForInterrupt(tell: (name: string) => void): Interrupt {
  const abort = new AbortController();
  let first: { name: NodeJS.Signals; atMs: number } | undefined;
  const listener = (name: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (first === undefined) {
      first = { name, atMs: nowMs };
      const by = name === 'SIGINT' ? 'Ctrl-C' : name;
      tell(by);
      abort.abort(new MapReduceError('CancelledError', `stopped by ${by}`));
    } else if (nowMs - first.atMs > SAME_KEY_PRESS_MS) {
      // process.exit waits for worker threads, and one may hang in a system call. The signal's default does not wait.
      release();
      process.kill(process.pid, name);
      // Signals have no default in process 1 of a container.
      process.exit(exitCodeOfSignal(name));
    }
  };
  const release = () => {
    for (const name of SIGNALS) process.off(name, listener);
  };
  for (const name of SIGNALS) process.on(name, listener);
  return { signal: abort.signal, received: () => first?.name, release };
}

/**
 * Ctrl-C and its like. The first asks the job to stop and clean up after itself; the second ends the process at once.
 */
import { MapReduceError } from '../../base/errors.ts';
import { exitCodeOfSignal } from './exit-code.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies NodeJS.Signals[];

/** npm passes on the SIGINT that the terminal has sent to all its processes: both are one key press. */
const SAME_KEY_PRESS_MS = 100;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** The signal that came, if any. */
  readonly received: () => NodeJS.Signals | undefined;
  /** Signals do again what they do by default. */
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
      // process.exit waits for worker threads, and one may hang in a system call: the signal's own default does not wait.
      release();
      process.kill(process.pid, name);
      // As process 1 of a container, it has no default.
      process.exit(exitCodeOfSignal(name));
    }
  };
  const release = () => {
    for (const name of SIGNALS) process.off(name, listener);
  };
  for (const name of SIGNALS) process.on(name, listener);
  return { signal: abort.signal, received: () => first?.name, release };
}

/**
 * The execution environment that runs an attempt, for the facts of the attempt: its name, its cold start, its memory, and the
 * requests that it has sent to S3.
 *
 * An attempt writes its facts before it sends its last requests: the commit and what follows. It adds those that it expects,
 * and the next attempt here adds the difference to what was really sent. So the requests of all attempts add up to those of
 * all environments, except for what each of them sent after its last facts.
 */
import type { AttemptMeterOptions, Requests } from '../../src/report/attempt-meter.ts';

export interface FunctionInstanceOptions {
  readonly id: string;
  /** From the start of the process to the first invocation. Default: it is not known. */
  readonly coldStartMs?: number;
  /** The memory that the process uses now. */
  readonly memoryInUseBytes: () => number;
  /** The requests sent to S3 since the process started. Default: they are not counted. */
  readonly requests?: () => Requests;
}

export class FunctionInstance {
  readonly #options: FunctionInstanceOptions;
  #attempts = 0;
  /** Requests that facts account for. */
  #accounted: Requests = [0, 0];

  constructor(options: FunctionInstanceOptions) {
    this.#options = options;
  }

  /** Called at the start of each attempt. Attempts follow one another. */
  begin(): InstanceOfAttempt {
    const { id, coldStartMs, memoryInUseBytes, requests } = this.#options;
    const before = this.#accounted;
    const counted = (commit: Requests): Requests => {
      const [reads, writes] = requests!();
      this.#accounted = [reads + commit[0] + attempt.readsBeforeCommit, writes + commit[1]];
      return [this.#accounted[0] - before[0], this.#accounted[1] - before[1]];
    };
    const attempt: InstanceOfAttempt = {
      readsBeforeCommit: 0,
      environment: id,
      ...(coldStartMs === undefined || this.#attempts++ > 0 ? {} : { coldStartMs }),
      memoryBytes: memoryInUseBytes,
      ...(requests === undefined ? {} : { requests: counted }),
      leavesNoFacts: () => {
        this.#accounted = before;
      },
    };
    return attempt;
  }
}

export interface InstanceOfAttempt
  extends Pick<AttemptMeterOptions, 'environment' | 'coldStartMs' | 'memoryBytes' | 'requests'> {
  /** The commit's reads that the engine does not know of. */
  readsBeforeCommit: number;
  /** Called if nobody will read the facts: the requests then count for the next attempt. */
  readonly leavesNoFacts: () => void;
}

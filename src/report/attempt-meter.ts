/**
 * Measures one attempt: the phases of its time, its memory and its requests. What it finds travels in the summary of a
 * committed attempt (task-summary.ts), or in the note about a failed one.
 */
import type { Clock } from '../base/clock.ts';
import { PHASES, type Phase, PhaseClock } from '../base/phase-clock.ts';

export type Requests = readonly [reads: number, writes: number];

/** Where the time of an attempt went, and what it used. Short, because the metadata of a part has 2 KiB for everything. */
export interface AttemptFacts {
  /** Milliseconds since 1970, by the clock of the machine that ran the attempt. */
  readonly startedAtMs: number;
  /** A Lambda execution environment, or a worker of an embedded run. */
  readonly environment: string;
  /** How long the environment took to start. Absent unless this was its first attempt. */
  readonly coldStartMs?: number;
  /** How many attempts of the task had failed before. Absent for none. */
  readonly retry?: number;
  /** Milliseconds in each of TIMED_PHASES. The rest of the attempt's time is phase 'other'. */
  readonly phasesMs: readonly number[];
  /** The highest memory seen at the ends of phases: of the process on Lambda, of the thread's heap and buffers otherwise. */
  readonly peakMemoryBytes: number;
  /** Requests to S3: GET and HEAD, then PUT, LIST and POST. Absent where there is no S3. See lambdas/steps/request-ledger.ts. */
  readonly requests?: Requests;
}

export const TIMED_PHASES = PHASES.filter((phase): phase is Exclude<Phase, 'other'> => phase !== 'other');

/** What an attempt can say about itself at any time. */
export interface Measured {
  /** Since the attempt's start. */
  readonly elapsedMs: number;
  readonly facts: AttemptFacts;
}

export interface AttemptMeterOptions extends Pick<AttemptFacts, 'environment' | 'coldStartMs' | 'retry'> {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly now: () => Date;
  /** The memory in use now. */
  readonly memoryBytes: () => number;
  /** The attempt's requests so far, and those that `commit` is about to send. Default: there is no S3. */
  readonly requests?: (commit: Requests) => Requests;
}

/** Looking at the memory takes some microseconds, so it is done at most this often, when a phase ends. */
const MEMORY_LOOK_MS = 100;

export class AttemptMeter {
  readonly phases: PhaseClock;
  readonly #options: AttemptMeterOptions;
  readonly #startedAtMs: number;
  #peakMemoryBytes = 0;
  #lookedMs: number;

  constructor(options: AttemptMeterOptions) {
    this.#options = options;
    this.#startedAtMs = options.now().getTime();
    this.#lookedMs = options.clock.nowMs();
    this.phases = new PhaseClock(options.clock, (nowMs) => {
      if (nowMs - this.#lookedMs >= MEMORY_LOOK_MS) this.#look(nowMs);
    });
  }

  /**
   * What is known now.
   *
   * @param commit  the requests of the commit that the facts become part of
   */
  measured(commit: Requests = [0, 0]): Measured {
    const { environment, coldStartMs, retry = 0, requests } = this.#options;
    const { elapsedMs, phasesMs } = this.phases.read();
    this.#look(this.#lookedMs);
    return {
      elapsedMs: Math.round(elapsedMs),
      facts: {
        startedAtMs: this.#startedAtMs,
        environment,
        ...(coldStartMs === undefined ? {} : { coldStartMs: Math.round(coldStartMs) }),
        ...(retry === 0 ? {} : { retry }),
        phasesMs: TIMED_PHASES.map((phase) => Math.round(phasesMs[phase])),
        peakMemoryBytes: this.#peakMemoryBytes,
        ...(requests === undefined ? {} : { requests: requests(commit) }),
      },
    };
  }

  #look(nowMs: number): void {
    this.#lookedMs = nowMs;
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, this.#options.memoryBytes());
  }
}

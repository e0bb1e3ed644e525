/**
 * A reduce attempt that reads a corrupt shuffle object is not at fault: the map task that wrote the object has to run
 * again, or the index to be written again. Several reducers may find the same fault at once, or find it in bytes that were read before a repair that has
 * ended since; each fault is repaired once, and the same object a bounded number of times.
 */
import type { RepairTarget } from '../../base/errors.ts';

export class ShuffleRepairs {
  readonly #repairsMax: number;
  readonly #byTarget = new Map<RepairTarget, Repairs>();
  #inFlight = 0;

  constructor(repairsMax: number) {
    this.#repairsMax = repairsMax;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * What to do for an attempt, the `sequence`-th of its stage, that found the target damaged:
   * - 'again': the object has been repaired since the attempt began;
   * - a promise: of the repair that is under way;
   * - 'repair': nobody repairs it yet; the caller starts and passes the promise to `begin`;
   * - 'give up': it has been repaired too often.
   */
  verdict(target: RepairTarget, sequence: number): 'again' | 'repair' | 'give up' | Promise<void> {
    const known = this.#byTarget.get(target);
    if (known?.running) return known.running;
    if (known && sequence <= known.endedAtSequence) return 'again';
    return (known?.repairs ?? 0) < this.#repairsMax ? 'repair' : 'give up';
  }

  /** `sequenceNow` answers, when the repair has ended, how many attempts have been started by then. */
  begin(target: RepairTarget, repair: Promise<void>, sequenceNow: () => number): Promise<void> {
    const known = this.#byTarget.get(target) ?? {
      repairs: 0,
      endedAtSequence: -1,
      running: undefined,
    };
    this.#byTarget.set(target, known);
    known.repairs++;
    this.#inFlight++;
    known.running = repair.finally(() => {
      known.running = undefined;
      known.endedAtSequence = sequenceNow();
      this.#inFlight--;
    });
    return known.running;
  }
}

interface Repairs {
  repairs: number;
  endedAtSequence: number;
  running: Promise<void> | undefined;
}

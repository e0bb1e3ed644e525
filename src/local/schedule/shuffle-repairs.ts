/**
 * Tracks the repairs of damaged shuffle objects. If a reduce attempt reads one, the attempt is not at fault: the map task
 * that wrote the object must run again, or the index must be written again. Several attempts may find the same fault at the
 * same time, or in bytes that they read before a repair ended. Each fault is repaired once. src/stages/advance.ts bounds
 * how often one object is repaired.
 */
import type { RepairTarget } from '../../base/errors.ts';

export class ShuffleRepairs {
  readonly #byTarget = new Map<RepairTarget, Repair>();
  #inFlight = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Decides what to do about a target that an attempt, the `sequence`-th of its stage, found damaged:
   * - 'again': the target was repaired after the attempt began; retry the task;
   * - a promise: a repair is running; wait for it;
   * - 'repair': start a repair and pass its promise to `begin`.
   */
  verdict(target: RepairTarget, sequence: number): 'again' | 'repair' | Promise<void> {
    const known = this.#byTarget.get(target);
    if (known?.running) return known.running;
    if (known && sequence <= known.endedAtSequence) return 'again';
    return 'repair';
  }

  /** @param sequenceNow  returns how many attempts have been started; called when the repair has ended */
  begin(target: RepairTarget, repair: Promise<void>, sequenceNow: () => number): Promise<void> {
    const known = this.#byTarget.get(target) ?? { endedAtSequence: -1, running: undefined };
    this.#byTarget.set(target, known);
    this.#inFlight++;
    known.running = repair.finally(() => {
      known.running = undefined;
      known.endedAtSequence = sequenceNow();
      this.#inFlight--;
    });
    return known.running;
  }
}

interface Repair {
  endedAtSequence: number;
  running: Promise<void> | undefined;
}

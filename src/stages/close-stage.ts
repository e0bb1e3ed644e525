/** The barrier after each stage. A new stage needs an entry here. */
import type { Stage } from '../base/ids.ts';
import type { BarrierOptions, BarrierResult } from './barrier-result.ts';
import { closeMapStage } from './map-barrier.ts';
import { closeReduceStage } from './reduce-barrier.ts';

const BARRIERS: Readonly<Record<Stage, (options: BarrierOptions) => Promise<BarrierResult>>> = {
  map: closeMapStage,
  reduce: closeReduceStage,
};

/**
 * Verifies that every task of the stage has committed and that the counts agree. Idempotent. Called each time a stage has
 * run, and again after a repair.
 *
 * @throws BooksDoNotBalanceError if the number of records read differs from the number written
 */
export function closeStage(stage: Stage, options: BarrierOptions): Promise<BarrierResult> {
  return BARRIERS[stage](options);
}

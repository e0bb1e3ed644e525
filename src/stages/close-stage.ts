/** The barrier behind each stage. A new stage adds its own here. */
import type { Stage } from '../base/ids.ts';
import type { BarrierOptions, BarrierResult } from './barrier-result.ts';
import { closeMapStage } from './map-barrier.ts';
import { closeReduceStage } from './reduce-barrier.ts';

const BARRIERS: Readonly<Record<Stage, (options: BarrierOptions) => Promise<BarrierResult>>> = {
  map: closeMapStage,
  reduce: closeReduceStage,
};

/**
 * Counts what the tasks of the stage have committed and balances the books. Idempotent; called whenever a stage has run, and
 * again after a repair.
 *
 * @throws BooksDoNotBalanceError when the records that were read and written differ
 */
export function closeStage(stage: Stage, options: BarrierOptions): Promise<BarrierResult> {
  return BARRIERS[stage](options);
}

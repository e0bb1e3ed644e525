/**
 * Verifies which map tasks have committed, has missing tasks run again a bounded number of times, and writes the index for
 * the reducers. The state machine calls it after each round of the map stage, and again if it fails.
 */
import { serve } from './runtime/serve.ts';
import { mapBarrier } from './served/map-barrier.ts';

export const handler = serve(mapBarrier);

/**
 * Verifies which reduce tasks have committed, and has missing tasks run again and damaged shuffle objects recreated, a
 * bounded number of times. The state machine calls it after each round of the reduce stage, and again if it fails.
 */
import { serve } from './runtime/serve.ts';
import { reduceBarrier } from './served/reduce-barrier.ts';

export const handler = serve(reduceBarrier);

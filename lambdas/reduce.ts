/**
 * Runs one attempt of a reduce task. The children of the reduce stage call it once per attempt: any number of times for one
 * task, possibly at the same time. The task is done when its part is committed. The function returns nothing.
 */
import { serve } from './runtime/serve.ts';
import { reduce } from './served/reduce.ts';

export const handler = serve(reduce);

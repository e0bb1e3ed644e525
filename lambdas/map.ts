/**
 * Runs one attempt of a map task. The children of the map stage call it once per attempt: any number of times for one task,
 * possibly at the same time. The task is done when its object is committed. The function returns nothing, because the
 * results of 10,000 children would not fit into one state.
 */
import { serve } from './runtime/serve.ts';
import { map } from './served/map.ts';

export const handler = serve(map);

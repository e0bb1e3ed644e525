/**
 * Writes failure.json to the job's folder and next to the request. The state machine calls it once per failed execution,
 * and again if it fails itself. The state machine then publishes the result on the event bus.
 */
import { serve } from './runtime/serve.ts';
import { failure } from './served/failure.ts';

export const handler = serve(failure);

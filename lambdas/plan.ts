/**
 * Wakes the functions of the later steps, claims the job, lists its inputs, divides them into splits, and writes jobs/<jobId>/plan/. The state machine calls it once
 * per execution, and again if it fails. If an event is delivered twice, the second execution ends without an error.
 */
import { sendWake } from './runtime/send-wake.ts';
import { serve } from './runtime/serve.ts';
import { plan } from './served/plan.ts';

export const handler = serve(plan, { sendWake });

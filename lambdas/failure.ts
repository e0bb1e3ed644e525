/**
 * Writes failure.json to the job's folder and next to the request. The state machine calls it once per failed execution,
 * and again if it fails itself. The state machine then publishes the result on the event bus.
 */
import { failureEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { failureStep } from './steps/failure.ts';

export const handler = serve({
  name: 'failure',
  event: failureEventSchema,
  step: failureStep,
  about: ({ jobId, execution }) => ({ jobId: jobId ?? '', execution: execution.id }),
  answer: (failure) => failure,
});

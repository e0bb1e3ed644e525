/**
 * Called by the state machine once an execution that failed, again when it failed itself: writes failure.json into the
 * job's folder and beside the request. The state machine then puts its answer on the event bus.
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

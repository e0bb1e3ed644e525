/**
 * Claims the job, lists its inputs, divides them into splits, and writes jobs/<jobId>/plan/. The state machine calls it once
 * per execution, and again if it fails. If an event is delivered twice, the second execution ends without an error.
 */
import { planEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { planStep } from './steps/plan.ts';

export const handler = serve({
  name: 'plan',
  event: planEventSchema,
  step: planStep,
  about: ({ execution }) => ({ execution: execution.id }),
  answer: (state) => state,
});

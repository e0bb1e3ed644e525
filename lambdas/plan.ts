/**
 * Called by the state machine once an execution, again when it failed: claims the job, lists its inputs, cuts them into
 * splits, and writes jobs/<jobId>/plan/. Whoever comes second, with the same event, ends quietly.
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

/**
 * Called by the state machine once a job, after its last barrier, again when it failed: merges the parts if asked, writes
 * manifest.json and then _SUCCESS, and removes the intermediates.
 */
import { stepEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { commitStep } from './steps/commit.ts';

export const handler = serve({
  name: 'commit',
  event: stepEventSchema,
  step: commitStep,
  about: ({ jobId }) => ({ jobId }),
  answer: (committed) => committed,
});

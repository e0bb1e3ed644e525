/**
 * Merges the parts if requested, writes manifest.json and then _SUCCESS, and removes the intermediates. The state machine
 * calls it once per job after the last barrier, and again if it fails.
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

/**
 * Called by the watch machine every few seconds while a stage runs, again when it failed: looks for stragglers and says
 * which tasks get a backup attempt. A stage does not depend on it: without it only the backup attempts are missing.
 */
import { watchEventSchema } from '../src/aws/protocol/watch-state.ts';
import { serve } from './runtime/serve.ts';
import { watchStep } from './steps/watch.ts';

export const handler = serve({
  name: 'watch',
  event: watchEventSchema,
  step: watchStep,
  about: ({ jobId, stage, looks }) => ({ jobId, stage, look: looks }),
  answer: (state) => state,
});

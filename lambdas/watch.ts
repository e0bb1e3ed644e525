/**
 * Finds stragglers and returns which tasks get a backup attempt. The watch machine calls it every few seconds while a stage
 * runs, and again if it fails. A stage does not depend on it: without it, there are only no backup attempts.
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

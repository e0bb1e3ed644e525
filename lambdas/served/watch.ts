import { watchEventSchema } from '../../src/aws/protocol/watch-state.ts';
import { watchStep } from '../steps/watch.ts';
import { servedStep } from './served-step.ts';

export const watch = servedStep({
  name: 'watch',
  event: watchEventSchema,
  step: watchStep,
  about: ({ jobId, stage, looks }) => ({ jobId, stage, look: looks }),
  answer: (state) => state,
});

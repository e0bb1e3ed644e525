/**
 * Called by the children of the map stage, once an attempt: any number of times for one task, also at the same time.
 * What counts is the commit of its object. Answers nothing: the answers of 10,000 children would not fit one state.
 */
import { forHand, mapEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { loggedResult } from './steps/dry-run.ts';
import { mapStep } from './steps/map.ts';

export const handler = serve({
  name: 'map',
  event: mapEventSchema,
  step: mapStep,
  about: ({ jobId, item, retry }) => ({ jobId, stage: 'map', task: item.index, retry }),
  answer: forHand,
  logged: loggedResult,
});

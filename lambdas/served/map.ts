import { forHand, mapEventSchema } from '../../src/aws/protocol/job-state.ts';
import { loggedResult } from '../steps/dry-run.ts';
import { mapStep } from '../steps/map.ts';
import { servedStep } from './served-step.ts';

export const map = servedStep({
  name: 'map',
  event: mapEventSchema,
  step: (event, environment, invocation) => mapStep(event, environment, invocation),
  about: ({ jobId, item, retry }) => ({ jobId, stage: 'map', task: item.index, retry }),
  answer: forHand,
  logged: loggedResult,
});

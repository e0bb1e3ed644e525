import { type DryPlan, type JobState, planEventSchema } from '../../src/aws/protocol/job-state.ts';
import { dryPlanStep, planStep } from '../steps/plan.ts';
import { servedStep } from './served-step.ts';

export const plan = servedStep({
  name: 'plan',
  event: planEventSchema,
  step: async (event, environment): Promise<JobState | DryPlan> =>
    event.dryRun ? await dryPlanStep(event, environment) : await planStep(event, environment),
  about: ({ execution }) => ({ execution: execution.id }),
  answer: (state) => state,
});

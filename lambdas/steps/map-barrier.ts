import type * as v from 'valibot';
import { type StageDocument, writeDocument } from '../../src/aws/protocol/documents.ts';
import type { JobState, stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { itemsKey, stageKey } from '../../src/aws/protocol/keys.ts';
import { jobId } from '../../src/base/ids.ts';
import { closeMapStage } from '../../src/stages/map-barrier.ts';
import { checkMissing, plannedJob } from './barrier.ts';
import { firstRound, type StepEnvironment } from './environment.ts';
import { writeMapItems } from './items.ts';
import { foreignPartRemover } from './output.ts';

export async function mapBarrierStep(
  event: v.InferOutput<typeof stepEventSchema>,
  environment: StepEnvironment,
): Promise<JobState> {
  const { store, now } = environment;
  const id = jobId(event.jobId);
  const { mapRound, reduceRound, resumed } = event;
  const { plan, job, layout, outputPrefix } = await plannedJob(id, environment);
  const { missing, summaries, partitionRecords } = await closeMapStage({
    plan,
    store,
    layout,
    extension: job.output.extension,
    removeForeign: foreignPartRemover(store, { jobId: id, outputPrefix }),
  });
  if (missing.length > 0) {
    await checkMissing(store, {
      job: id,
      stage: 'map',
      missing,
      round: mapRound,
      since: event.execution.startTime,
    });
    const round = mapRound + 1;
    const items = await writeMapItems(store, plan, { round, only: missing });
    return { jobId: id, next: 'map', items, mapRound: round, reduceRound, resumed };
  }
  const stage: StageDocument = { summaries, partitionRecords, closedAt: now().toISOString() };
  await writeDocument(store, stageKey(id, 'map'), stage);
  const rounds = { mapRound, reduceRound, resumed };
  if (plan.settings.reducers === 0) return { jobId: id, next: 'commit', items: '', ...rounds };
  if (resumed) return { jobId: id, next: 'reduce-barrier', items: '', ...rounds };
  const next = firstRound('reduce', plan.settings.reducers, environment);
  return { jobId: id, next, items: itemsKey(id, 'reduce', 0), ...rounds };
}

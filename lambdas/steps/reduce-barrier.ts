import type * as v from 'valibot';
import {
  type AttemptFailureDocument,
  readDocument,
  type StageDocument,
  writeDocument,
} from '../../src/aws/protocol/documents.ts';
import type { JobState, stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { stageKey } from '../../src/aws/protocol/keys.ts';
import type { RepairTarget } from '../../src/base/errors.ts';
import { jobId, stageOf } from '../../src/base/ids.ts';
import { discardForRepair } from '../../src/commit/repair.ts';
import { closeReduceStage } from '../../src/stages/reduce-barrier.ts';
import { checkMissing, plannedJob } from './barrier.ts';
import type { StepEnvironment } from './environment.ts';
import { writeReduceItems } from './items.ts';
import { foreignPartRemover } from './output.ts';

export async function reduceBarrierStep(
  event: v.InferOutput<typeof stepEventSchema>,
  environment: StepEnvironment,
): Promise<JobState> {
  const { store, now } = environment;
  const id = jobId(event.jobId);
  const { mapRound, reduceRound, resumed } = event;
  const { plan, job, layout, outputPrefix } = await plannedJob(id, environment);
  const mapStage = await readDocument<StageDocument>(store, stageKey(id, 'map'));
  const { missing, summaries } = await closeReduceStage({
    plan,
    partitionRecords: mapStage.partitionRecords,
    store,
    layout,
    extension: job.output.extension,
    removeForeign: foreignPartRemover(store, { jobId: id, outputPrefix }),
  });
  if (missing.length === 0) {
    const stage: StageDocument = { summaries, partitionRecords: [], closedAt: now().toISOString() };
    await writeDocument(store, stageKey(id, 'reduce'), stage);
    return { jobId: id, next: 'commit', items: '', mapRound, reduceRound, resumed: false };
  }
  const failures = await checkMissing(store, {
    job: id,
    stage: 'reduce',
    missing,
    round: reduceRound,
    since: event.execution.startTime,
  });
  // Straight from the map barrier no reducer has run: all complaints have been seen to, whatever the machines' clocks say.
  const damaged = resumed ? [] : damagedInShuffle(failures, mapStage.closedAt);
  if (damaged.length > 0) {
    // The map barrier then finds them missing, and writes the index again in any case.
    const { extension } = job.output;
    await discardForRepair(damaged, { store, layout, settings: plan.settings, extension });
    return {
      jobId: id,
      next: 'map-barrier',
      items: '',
      mapRound,
      reduceRound: reduceRound + 1,
      resumed: true,
    };
  }
  const round = reduceRound + 1;
  const items = await writeReduceItems(store, plan, { round, only: missing });
  return { jobId: id, next: 'reduce', items, mapRound, reduceRound: round, resumed: false };
}

/** What reducers have complained of since the map stage was closed: earlier complaints have been seen to. */
function damagedInShuffle(failures: readonly AttemptFailureDocument[], closedAt: string): RepairTarget[] {
  const targets = failures
    .filter(({ at, error }) => at >= closedAt && error.name === 'CorruptShuffleError')
    .map(({ error }) => error.details?.toRepair)
    .filter((target) => target !== undefined)
    .filter((target) => target === 'shuffle-index' || stageOf(target) === 'map');
  return [...new Set(targets)];
}

/** Runs a workload of one size in the simulated AWS. */
import type { SimulatedAws } from '../../simulation/aws.ts';
import { contentOf } from '../../simulation/s3/stored-bytes.ts';
import {
  putSyntheticInput,
  SYNTHETIC_APP,
  startSyntheticAws,
} from '../../simulation/synthetic/synthetic-job.ts';
import { costOf } from '../../src/aws/model/cost.ts';
import { pricesOf } from '../../src/aws/model/prices.ts';
import { GiB } from '../../src/base/limits.ts';
import { chargedOperations } from '../../src/storage/s3/s3-charges.ts';
import { DEPLOYMENT } from '../model/settings.ts';
import type { Figures, SimulatedPoint } from './figures.ts';

export interface SimulateOptions extends SimulatedPoint {
  readonly seed: number;
  /** Called now and then with the virtual time. */
  readonly onProgress?: (virtualSeconds: number) => void;
}

/** As bench/model/settings.ts. */
const FILE_BYTES = 16 * GiB;
const PROGRESS_MS = 10_000;
const JOB_ID = 'job';

export async function simulated({
  workload,
  inputBytes,
  seed,
  onProgress = () => {},
}: SimulateOptions): Promise<Figures> {
  await using aws = await startSyntheticAws(workload.traits, { seed });
  putSyntheticInput(aws, inputBytes, FILE_BYTES);
  const { clock } = aws.world;
  const progress = () => {
    onProgress(clock.nowMs() / 1000);
    clock.after(PROGRESS_MS, progress);
  };
  progress();
  const { status, cause } = await aws.runJob(JOB_ID, { app: SYNTHETIC_APP, inputs: ['data/'] });
  if (status !== 'SUCCEEDED') throw new Error(`the simulated job ended with ${status}: ${cause}`);
  return figuresOf(aws);
}

function figuresOf({ s3, lambda, stepFunctions, world, bucket }: SimulatedAws): Figures {
  const { reads, writes } = chargedOperations(s3.log.charged);
  const { invocations, gbSeconds, scratchGbSeconds, errors } = lambda.usage;
  const { transitions } = stepFunctions;
  // The cast: the job has just written it.
  const { stages } = JSON.parse(contentOf(bucket.get(`output/${JOB_ID}/manifest.json`).bytes).toString()) as {
    readonly stages: readonly { readonly tasks: number }[];
  };
  const usage = {
    invocations,
    gbSeconds,
    scratchGbSeconds,
    transitions,
    isUpperBound: false,
    expressExecutions: 0,
    expressSeconds: 0,
    s3Reads: reads,
    s3Writes: writes,
  };
  return {
    tasks: stages.map(({ tasks }) => tasks).join(' x '),
    reads,
    writes,
    peakPerSecond: s3.log.peakPerSecond,
    throttled: s3.log.throttled,
    failedAttempts: Object.values(errors).reduce((sum, count) => sum + count, 0),
    seconds: world.clock.nowMs() / 1000,
    gbSeconds,
    transitions,
    dollars: costOf(usage, pricesOf(DEPLOYMENT.region)).total,
  };
}

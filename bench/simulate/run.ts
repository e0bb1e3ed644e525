/** Runs a workload of one size in the simulated AWS, and evaluates the model for the same. */
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
import { chargedRequests } from '../../src/storage/s3/s3-charges.ts';
import { model } from '../model/point.ts';
import { DEPLOYMENT, NOW } from '../model/settings.ts';
import type { Workload } from '../model/workloads.ts';

/** What both the model and the simulation say about a job. */
export interface Figures {
  readonly tasks: string;
  readonly reads: number;
  readonly writes: number;
  readonly peakPerSecond: number;
  readonly throttled: number;
  readonly failedAttempts: number;
  readonly seconds: number;
  readonly gbSeconds: number;
  readonly transitions: number;
  readonly dollars: number;
}

export interface SimulateOptions {
  readonly workload: Workload;
  readonly inputBytes: number;
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
  const { reads, writes } = chargedRequests(s3.log.charged);
  const { invocations, gbSeconds, errors } = lambda.usage;
  const { transitions } = stepFunctions;
  // The cast: the job has just written it.
  const { stages } = JSON.parse(contentOf(bucket.get(`output/${JOB_ID}/manifest.json`).bytes).toString()) as {
    readonly stages: readonly { readonly tasks: number }[];
  };
  const usage = {
    invocations,
    gbSeconds,
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

export function modelled({
  workload,
  inputBytes,
}: Pick<SimulateOptions, 'workload' | 'inputBytes'>): Figures {
  const { evaluation, cost } = model({ workload, settings: NOW, inputBytes });
  const { stages } = evaluation;
  return {
    tasks: stages.map(({ tasks }) => tasks).join(' x '),
    reads: evaluation.reads + evaluation.readsByTime,
    writes: evaluation.writes + evaluation.writesByTime,
    peakPerSecond: Math.max(...stages.map(({ peakReadsPerSecond }) => peakReadsPerSecond)),
    throttled: 0,
    failedAttempts: 0,
    seconds: evaluation.seconds,
    gbSeconds: evaluation.gbSeconds,
    transitions: evaluation.transitions,
    dollars: cost.total,
  };
}

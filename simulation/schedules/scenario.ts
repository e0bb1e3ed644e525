/** Decides, from a seed, which jobs a schedule runs, what people do to them meanwhile, and how much goes wrong. */
import { Random } from '../random.ts';
import type { S3FaultOptions } from '../s3/faults.ts';
import { SMALL_JOBS, type SmallJob } from './small-jobs.ts';
import type { TroubleOptions } from './troubles.ts';

export interface JobStart {
  readonly job: SmallJob;
  readonly jobId: string;
  /** `event`: a request is uploaded, and EventBridge delivers the event once or several times. */
  readonly by: 'submit' | 'event';
  readonly overwrite: boolean;
  readonly atMs: number;
  /** It starts so long after the last barrier of the first job has started, in place of `atMs`. */
  readonly afterBarrierMs: number | undefined;
  /** When the event arrives, after the start; one entry for each delivery. */
  readonly deliveriesMs: readonly number[];
}

export interface Damage {
  /** Of the objects that a job writes for itself, the one that is damaged, in the order of their creation. */
  readonly nth: number;
  readonly how: 'removed' | 'flipped' | 'cut';
  readonly at: number;
  /** After it was written. */
  readonly afterMs: number;
}

export interface Scenario {
  readonly seed: number;
  /** Whether so little goes wrong that every job must succeed. */
  readonly isMild: boolean;
  readonly starts: readonly JobStart[];
  /** When the first job is cancelled. */
  readonly cancelMs: number | undefined;
  /** How often a job that has failed or was cancelled is redriven, and how long after its end. */
  readonly redrives: number;
  readonly redriveAfterMs: number;
  readonly maxConcurrency: number;
  readonly backupAttempts: boolean;
  readonly troubles: Omit<TroubleOptions, 'random'>;
  readonly rates: NonNullable<S3FaultOptions['rates']>;
  /** When S3 refuses everything, and for how long. */
  readonly storm: { readonly atMs: number; readonly forMs: number } | undefined;
  /** The n-th children of Map Runs that are lost, that fail without a word, or that run twice. */
  readonly children: ReadonlyMap<number, 'not started' | 'failure swallowed' | 'runs twice'>;
  readonly damages: readonly Damage[];
  readonly skewMsMax: number;
}

/** Where all jobs of a schedule write if several want the same output. */
export const SHARED_OUTPUT = 'output/shared/';

/** In a storm, every request gets an answer: an attempt that ends at its time limit has retried for too long. */
const PROMPT = { 'no-answer': 0, 'slow-answer': 0, 'stalled-body': 0 } as const;

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const isMild = random.chance(0.7);
  const competes = random.chance(0.15);
  const isCancelled = !competes && random.chance(0.1);
  // Each loss and each damage takes one of three further rounds of a stage.
  const kind = random.weighted([
    [4, 'nothing'],
    [3, 'children'],
    [3, 'damage'],
  ] as const);
  const several = isMild ? 2 : random.int(1, 5);
  const rates = ratesOf(random, isMild);
  const storm = random.chance(0.12)
    ? { atMs: random.int(0, 30_000), forMs: random.pick([3_000, 60_000, 1_000_000]) }
    : undefined;
  return {
    seed,
    isMild,
    starts: startsOf(random, competes),
    cancelMs: isCancelled ? random.int(0, 40_000) : undefined,
    redrives: isCancelled || !isMild ? random.int(0, 2) : 0,
    redriveAfterMs: random.pick([100, 5_000, 120_000]),
    maxConcurrency: random.pick([1, 3, 10]),
    backupAttempts: random.chance(0.7),
    troubles: {
      probability: random.pick(isMild ? [0, 0.05, 0.15, 0.3] : [0.1, 0.3, 0.6]),
      troublesMax: isMild ? 8 : 40,
      perTaskMax: isMild ? 2 : 12,
    },
    rates: storm === undefined ? rates : { ...rates, ...PROMPT },
    storm,
    children:
      kind === 'children'
        ? new Map(
            random.times(random.int(1, several), () => [
              random.int(0, 9),
              random.pick(['not started', 'failure swallowed', 'runs twice'] as const),
            ]),
          )
        : new Map(),
    damages: kind === 'damage' ? random.times(random.int(1, several), () => damageOf(random)) : [],
    skewMsMax: random.pick([0, 100, 1_000]),
  };
}

function startsOf(random: Random, competes: boolean): JobStart[] {
  const overwrites = random.chance(0.2);
  const first = startOf(random, 'first', { atMs: 0, afterBarrierMs: undefined, overwrite: overwrites });
  if (!competes) return [first];
  const atMs = random.pick([0, 5_000, 15_000, 30_000]) + random.int(0, 5_000);
  const afterBarrierMs = random.chance(0.6) ? random.int(0, 2_000) : undefined;
  return [first, startOf(random, 'second', { atMs, afterBarrierMs, overwrite: random.chance(0.8) })];
}

function startOf(
  random: Random,
  jobId: string,
  { atMs, afterBarrierMs, overwrite }: Pick<JobStart, 'atMs' | 'afterBarrierMs' | 'overwrite'>,
): JobStart {
  const deliveries = random.chance(0.4) ? random.int(2, 3) : 1;
  return {
    job: random.pick(SMALL_JOBS),
    jobId,
    by: afterBarrierMs === undefined && random.chance(0.4) ? 'event' : 'submit',
    overwrite,
    atMs,
    afterBarrierMs,
    deliveriesMs: random.times(deliveries, () => random.pick([50, 1_000, 20_000, 90_000]) * random.int(1, 3)),
  };
}

function ratesOf(random: Random, isMild: boolean): Scenario['rates'] {
  const rate = random.pick(isMild ? [0, 0, 0.01, 0.03] : [0, 0.05, 0.15]);
  return {
    'slow-down': random.pick([0, rate, 3 * rate]),
    'internal-error': rate,
    conflict: rate,
    'lost-request': rate,
    'lost-answer': random.pick([rate, 3 * rate]),
    'no-answer': rate / 4,
    'slow-answer': rate,
    'cut-body': rate,
    'stalled-body': rate / 4,
  };
}

function damageOf(random: Random): Damage {
  return {
    nth: random.int(0, 9),
    how: random.pick(['removed', 'flipped', 'cut'] as const),
    at: random.int(0, 999) / 1_000,
    afterMs: random.pick([0, 100, 2_000, 8_000]) * random.int(1, 2),
  };
}

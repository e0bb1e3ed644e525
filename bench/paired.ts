/**
 * Compares this build with another one in pairs of runs. If the machine slows down for a minute, both runs of a pair are
 * slower, and the median of the ratios hardly changes.
 */
import { type Contender, OURS } from './contenders.ts';
import type { Measurement } from './measure.ts';
import { type Spread, spread } from './statistics.ts';
import type { WorkloadResult } from './suite.ts';

/** The limit for the median of the paired ratios of wall time. */
export const WALL_RATIO_MAX = 1.03;
/** The limit for the median of the paired differences of `tiny`, whose runs are too short for a stable ratio. */
export const TINY_WALL_MORE_MS_MAX = 10;

export interface Verdict {
  /** The other build's path. */
  readonly build: string;
  readonly pairs: number;
  /** The wall time of this build divided by that of the other build. */
  readonly wallRatio: Spread;
  /** The same ratio for the CPU seconds, user and system. */
  readonly cpuRatio: Spread;
  /** The wall time of this build minus that of the other build. */
  readonly wallMoreMs: Spread;
  readonly allowed: string;
  readonly isSlower: boolean;
}

/** Omits builds with a failed run; the table of the workload reports these. */
export function comparisonsOf(result: WorkloadResult, builds: readonly Contender[]): Verdict[] {
  const runsOf = (wanted: string) => {
    const found = result.contenders.find(({ name }) => name === wanted);
    return found === undefined || found.failure !== undefined ? undefined : found.runs;
  };
  const ours = runsOf(OURS);
  if (ours === undefined) return [];
  return builds.flatMap(({ name }) => {
    const theirs = runsOf(name);
    return theirs === undefined
      ? []
      : [compare({ build: name, ours, theirs, isTiny: result.workload === 'tiny' })];
  });
}

/** @param ours, theirs  the same number of runs each, in the order of the pairs */
export function compare({
  build,
  ours,
  theirs,
  isTiny,
}: {
  build: string;
  ours: readonly Measurement[];
  theirs: readonly Measurement[];
  isTiny: boolean;
}): Verdict {
  if (ours.length !== theirs.length) {
    throw new RangeError(`compare: ${ours.length} runs cannot be paired with ${theirs.length}`);
  }
  const ofPairs = (figure: (our: Measurement, their: Measurement) => number) =>
    spread(ours.map((our, pair) => figure(our, theirs[pair]!)));
  const wallRatio = ofPairs((our, their) => our.wallMs / their.wallMs);
  const wallMoreMs = ofPairs((our, their) => our.wallMs - their.wallMs);
  return {
    build,
    pairs: ours.length,
    wallRatio,
    // Adds a tick on both sides, because a run may be shorter than a tick of the clock that counts CPU time.
    cpuRatio: ofPairs((our, their) => (cpuMs(our) + CPU_TICK_MS) / (cpuMs(their) + CPU_TICK_MS)),
    wallMoreMs,
    allowed: isTiny
      ? `at most ${TINY_WALL_MORE_MS_MAX} ms more`
      : `a median wall ratio of at most ${WALL_RATIO_MAX}`,
    isSlower: isTiny ? wallMoreMs.median > TINY_WALL_MORE_MS_MAX : wallRatio.median > WALL_RATIO_MAX,
  };
}

const CPU_TICK_MS = 10;

function cpuMs({ cpuUserMs, cpuSystemMs }: Measurement): number {
  return cpuUserMs + cpuSystemMs;
}

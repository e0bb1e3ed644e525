/** What changes of the engine would bring, by the same model. None of them is built. */

import { constantsAt } from '../../src/aws/model/constants.ts';
import { costOf } from '../../src/aws/model/cost.ts';
import { usageOf } from '../../src/aws/model/estimate.ts';
import { evaluate } from '../../src/aws/model/evaluate.ts';
import { type JobShape, shapeOf } from '../../src/aws/model/job-shape.ts';
import { ENGINE, type EngineWays } from '../../src/aws/model/point.ts';
import { pricesOf } from '../../src/aws/model/prices.ts';
import { GiB, MiB } from '../../src/base/limits.ts';
import { formatTable } from '../table.ts';
import { model } from './point.ts';
import { dollars } from './report.ts';
import { DEPLOYMENT, NOW } from './settings.ts';
import { SIZES, type Workload } from './workloads.ts';

interface Outcome {
  readonly seconds: number;
  readonly dollars: number;
}

interface NextStep {
  readonly name: string;
  readonly outcome: (workload: Workload, inputBytes: number) => Outcome;
}

const BUCKETS = 4;
/** Enough for a partition to be worth its requests, and little enough for a function. */
const PARTITION_BYTES = 1 * GiB;

export const NEXT_STEPS: readonly NextStep[] = [
  { name: 'now', outcome: (workload, inputBytes) => outcome({ workload, inputBytes }) },
  {
    name: `reducers chosen after the map, one for each ${PARTITION_BYTES / MiB} MiB of shuffle`,
    outcome: (workload, inputBytes) =>
      outcome({ workload, inputBytes, reducers: reducersAfterMap(workload, inputBytes) }),
  },
  {
    name: `shuffle in ${BUCKETS} buckets`,
    outcome: (workload, inputBytes) =>
      outcome({ workload, inputBytes, ways: { ...ENGINE, shuffleBuckets: BUCKETS } }),
  },
  { name: 'two-level exchange', outcome: twoLevels },
];

interface Change {
  readonly workload: Workload;
  readonly inputBytes: number;
  readonly ways?: EngineWays;
  readonly reducers?: number;
}

function outcome({ workload, inputBytes, ways = ENGINE, reducers }: Change): Outcome {
  const plan = (bytes: number) => {
    const planned = NOW.plan(bytes);
    return reducers === undefined ? planned : { ...planned, settings: { ...planned.settings, reducers } };
  };
  const { evaluation, cost } = model({ workload, inputBytes, settings: { ...NOW, ways, plan } });
  return { seconds: evaluation.seconds, dollars: cost.total };
}

function reducersAfterMap(workload: Workload, inputBytes: number): number {
  const { evaluation } = model({ workload, inputBytes, settings: NOW });
  return Math.max(1, Math.ceil(evaluation.shuffleBytes / PARTITION_BYTES));
}

/**
 * Maps in groups, partitions in groups: a task merges the cells of one group of maps for one group of partitions, which lie
 * side by side, into one object; a reducer reads one cell of each group of maps. So M x R GETs become M x P + G x R.
 */
function twoLevels(workload: Workload, inputBytes: number): Outcome {
  const plan = NOW.plan(inputBytes);
  const deployment = DEPLOYMENT;
  const constants = constantsAt('likely');
  const job = shapeOf(plan, { taskMemoryMb: deployment.taskMemoryMb });
  const mapGroups = Math.ceil(Math.sqrt(job.maps));
  const partitionGroups = Math.ceil(Math.sqrt(job.reducers));
  const mergedCells = ({ cells, cellBytes }: Parameters<EngineWays['cellGets']>[0]) => {
    const merged = Math.min(cells, mapGroups);
    return { cells: merged, cellBytes: merged === 0 ? 0 : (cells * cellBytes) / merged };
  };
  const ways: EngineWays = {
    ...ENGINE,
    cellGets: (cells, memoryMb) => ENGINE.cellGets(mergedCells(cells), memoryMb),
    stagedBytes: (cells, memoryMb) => ENGINE.stagedBytes(mergedCells(cells), memoryMb),
  };
  const point = { job, traits: workload.traits, deployment, constants, ways };
  const ends = evaluate(point);
  const tasks = mapGroups * partitionGroups;
  const cellsOfTask = Math.ceil(job.maps / mapGroups);
  const gets =
    tasks *
    ENGINE.cellGets(
      { cells: cellsOfTask, cellBytes: ends.shuffleBytes / (tasks * cellsOfTask) },
      deployment.taskMemoryMb,
    );
  // The tasks between are those of a map-only job that reads and writes the shuffle.
  const between = evaluate({
    ...point,
    job: betweenShape(job, { tasks, bytes: ends.shuffleBytes, gets }),
    traits: {
      ...workload.traits,
      mapBytesPerSecond: workload.traits.reduceBytesPerSecond,
      shuffleRatio: 0,
      outputRatio: 1,
    },
  });
  const [stage] = between.stages;
  const prices = pricesOf(deployment.region);
  return {
    seconds: ends.seconds + stage!.seconds,
    dollars: costOf(usageOf(ends), prices).total + costOf(usageOf(between), prices).total,
  };
}

function betweenShape(
  job: JobShape,
  { tasks, bytes, gets }: { tasks: number; bytes: number; gets: number },
): JobShape {
  return {
    ...job,
    files: 1,
    lookedFiles: 0,
    maps: tasks,
    reducers: 0,
    inputBytes: bytes,
    compressedBytes: 0,
    largestSplitBytes: bytes / tasks,
    largestSplitCompressedBytes: 0,
    inputGets: gets,
    largestSplitGets: gets / tasks,
  };
}

export function describeNextSteps(workload: Workload): string {
  return formatTable(
    [workload.name, ...SIZES.map(([size]) => size)],
    NEXT_STEPS.map(({ name, outcome: of }) => [
      name,
      ...SIZES.map(([, bytes]) => {
        const { seconds, dollars: price } = of(workload, bytes);
        return `${Math.round(seconds).toLocaleString('en-US')} s ${dollars(price)}`;
      }),
    ]),
  );
}

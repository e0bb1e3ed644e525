/**
 * What a job used, according to the history of its execution and the runs of its Distributed Maps. The time of a child runs
 * from its start to its end, so it is a little more than Lambda bills. So is that of a task in an inline Map.
 */

import { STAGES } from '../../base/ids.ts';
import { MiB } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import type { JobReport } from '../../report/report.ts';
import { chargedScratchGb, type Usage, watchOf } from '../model/cost.ts';
import { LAMBDA_FACTS } from '../model/facts.ts';
import { STEP_MEMORY_MB, TASK_MEMORY_MB } from '../model/job-shape.ts';
import { storageRequests } from '../model/report-requests.ts';
import { CONCURRENCY_VARIABLE } from '../protocol/concurrency.ts';
import { inlineStateOf, watchStateOf } from '../protocol/state-names.ts';
import { WOKEN_FUNCTIONS } from '../protocol/wake.ts';
import { callAws, isAccessDenied, isAwsError } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';
import { type ExecutionHistory, executionHistory } from './execution-history.ts';
import {
  type FunctionConfiguration,
  functionConfiguration,
  type Machine,
  machineOf,
  machineOfExecution,
} from './machine.ts';

const MB_PER_GB = 1_024;
/** More than deployments have by default, so that the figure is an upper bound. */
const CONCURRENCY_UNKNOWN = 1_000;

interface MapRun {
  readonly arn: string;
  readonly ms: number;
}

export async function usageOf(
  deployment: Deployment,
  executionArns: readonly string[],
  report: JobReport,
): Promise<Usage> {
  // The latest execution may have run on more memory than the deployment has now.
  const machine = await machineThatRan(deployment, executionArns.at(-1)!);
  const histories: ExecutionHistory[] = [];
  const runs: MapRun[] = [];
  for (const arn of executionArns) {
    histories.push(await executionHistory(deployment, arn));
    runs.push(...(await mapRunsOf(deployment, arn)));
  }
  const task = await configurationOf(deployment, machine.taskFunctions[STAGES[0]]);
  const plan = await configurationOf(deployment, machine.stepFunctions.Plan);
  const timeOfTasks = timeOf(task, TASK_MEMORY_MB);
  const timeOfSteps = timeOf(plan, STEP_MEMORY_MB);
  const atOnce = Number(plan?.Environment?.Variables?.[CONCURRENCY_VARIABLE] ?? CONCURRENCY_UNKNOWN);
  let usage: Usage = {
    invocations: 0,
    gbSeconds: 0,
    scratchGbSeconds: 0,
    isUpperBound: false,
    transitions: histories.reduce((sum, { transitions }) => sum + transitions, 0),
    expressExecutions: 0,
    expressSeconds: 0,
    ...storageRequests(report),
  };
  for (const { steps } of histories) {
    for (const [state, { invocations, ms }] of steps) {
      const isTasks = STAGES.some((stage) => inlineStateOf(stage) === state);
      // Other states start a watch or publish an event.
      if (!isTasks && machine.stepFunctions[state] === undefined) continue;
      // Functions have one of two sizes. Commit may merge, so it has the size of a task.
      const time = isTasks || state === 'Commit' ? timeOfTasks : timeOfSteps;
      usage = plus(usage, { invocations, ...time(ms / 1000) });
      // The history does not show them. Their starts are no part of the time of the steps any more.
      if (state === 'Plan') usage = plus(usage, wakesOf(invocations, { timeOfTasks, timeOfSteps }));
    }
    for (const stage of report.stages) {
      if (!steps.has(watchStateOf(stage.stage))) continue;
      const { looks, seconds, ...watch } = watchOf(stage);
      usage = plus(usage, { ...watch, invocations: looks, ...timeOfSteps(seconds) });
    }
  }
  for (const run of runs) {
    const children = await childrenOf(deployment, run, machine.isExpress);
    const ms = children.ms ?? run.ms * Math.min(children.count, atOnce);
    usage = plus(usage, {
      invocations: children.count,
      ...timeOfTasks(ms / 1000),
      // One for the start of the child, and one for its only state.
      transitions: machine.isExpress ? 0 : 2 * children.count,
      expressExecutions: machine.isExpress ? children.count : 0,
      expressSeconds: machine.isExpress ? ms / 1000 : 0,
    });
    if (children.ms === undefined) usage = { ...usage, isUpperBound: true };
  }
  // The watch invokes backup attempts itself.
  for (const { backupAttempts, taskTimes } of report.stages) {
    const ms = backupAttempts * (taskTimes?.medianMs ?? 0);
    usage = plus(usage, { invocations: backupAttempts, ...timeOfTasks(ms / 1000) });
  }
  return usage;
}

/** What so many seconds of a function cost. If it is unknown, it has the memory given, and no /tmp that is charged. */
function timeOf(
  known: FunctionConfiguration | undefined,
  memoryMb: number,
): (seconds: number) => Pick<Usage, 'gbSeconds' | 'scratchGbSeconds'> {
  const gb = (known?.MemorySize ?? memoryMb) / MB_PER_GB;
  const scratchGb = chargedScratchGb((known?.EphemeralStorage?.Size ?? 0) * MiB);
  return (seconds) => ({ gbSeconds: seconds * gb, scratchGbSeconds: seconds * scratchGb });
}

/** Each plan wakes the others. If their environments are still warm, this counts too much. */
function wakesOf(
  plans: number,
  { timeOfTasks, timeOfSteps }: Record<'timeOfTasks' | 'timeOfSteps', ReturnType<typeof timeOf>>,
): Pick<Usage, 'invocations' | 'gbSeconds' | 'scratchGbSeconds'> {
  const seconds = (plans * LAMBDA_FACTS.initMs.value) / 1000;
  const times = WOKEN_FUNCTIONS.map((name) =>
    (name.endsWith('-barrier') ? timeOfSteps : timeOfTasks)(seconds),
  );
  return {
    invocations: plans * WOKEN_FUNCTIONS.length,
    gbSeconds: sumOf(times, (time) => time.gbSeconds),
    scratchGbSeconds: sumOf(times, (time) => time.scratchGbSeconds),
  };
}

/** Falls back to the current machine, which is the same unless somebody has deployed since. */
async function machineThatRan(deployment: Deployment, executionArn: string): Promise<Machine> {
  try {
    return (await machineOfExecution(deployment, executionArn)) ?? (await machineOf(deployment));
  } catch (error) {
    if (isAccessDenied(error)) return await machineOf(deployment);
    throw error;
  }
}

/** The cast: Object.entries() forgets the names. */
function plus(usage: Usage, more: Partial<Omit<Usage, 'isUpperBound'>>): Usage {
  const sums = Object.entries(more).map(([field, amount]) => [
    field,
    usage[field as keyof typeof more] + amount,
  ]);
  return { ...usage, ...Object.fromEntries(sums) };
}

/** Not read from the history, which does not record the end of a stopped run; on MiniStack, it has no runs at all. */
async function mapRunsOf({ sfn }: Deployment, executionArn: string): Promise<MapRun[]> {
  const { paginateListMapRuns } = await import('@aws-sdk/client-sfn');
  const runs: MapRun[] = [];
  await callAws({ action: 'states:ListMapRuns', on: executionArn }, async () => {
    try {
      for await (const { mapRuns = [] } of paginateListMapRuns({ client: sfn }, { executionArn })) {
        for (const { mapRunArn, startDate, stopDate } of mapRuns) {
          runs.push({ arn: mapRunArn!, ms: (stopDate ?? startDate)!.getTime() - startDate!.getTime() });
        }
      }
    } catch (error) {
      if (!isAwsError(error, 'ExecutionDoesNotExist')) throw error;
    }
  });
  return runs;
}

/** `ms` is undefined where Step Functions does not list the children: EXPRESS ones, and any on emulators. */
async function childrenOf(
  { sfn }: Deployment,
  { arn }: MapRun,
  isExpress: boolean,
): Promise<{ count: number; ms: number | undefined }> {
  const { DescribeMapRunCommand, paginateListExecutions } = await import('@aws-sdk/client-sfn');
  const { executionCounts } = await callAws({ action: 'states:DescribeMapRun', on: arn }, () =>
    sfn.send(new DescribeMapRunCommand({ mapRunArn: arn })),
  );
  const count = executionCounts?.total ?? 0;
  if (isExpress || process.env.AWS_ENDPOINT_URL !== undefined) return { count, ms: undefined };
  let ms = 0;
  await callAws({ action: 'states:ListExecutions', on: arn }, async () => {
    for await (const page of paginateListExecutions({ client: sfn }, { mapRunArn: arn, maxResults: 1_000 })) {
      for (const { startDate, stopDate } of page.executions ?? []) {
        ms += (stopDate ?? startDate)!.getTime() - startDate!.getTime();
      }
    }
  });
  return { count, ms };
}

/** @returns undefined if the function is unknown, or if the caller, who may submit jobs, may not describe functions */
async function configurationOf(
  deployment: Deployment,
  functionName: string | undefined,
): Promise<FunctionConfiguration | undefined> {
  if (functionName === undefined) return undefined;
  try {
    return await functionConfiguration(deployment, functionName);
  } catch (error) {
    if (isAccessDenied(error)) return undefined;
    throw error;
  }
}

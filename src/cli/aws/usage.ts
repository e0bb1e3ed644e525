/**
 * What a job used, from the history of its execution and the runs of its Distributed Maps. A child's time is from its
 * start to its end, so a little more than what Lambda bills.
 */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import type { JobReport } from '../../report.ts';
import { callAws, isAwsError } from './aws-errors.ts';
import { storageRequests, type Usage } from './cost.ts';
import { clientOptions, type Deployment, regionOption } from './deployment.ts';
import { machineOf } from './machine.ts';

/** Where Lambda does not say: the deployment's defaults. */
const TASK_MEMORY_MB = 1_769;
const STEP_MEMORY_MB = 1_024;
const MB_PER_GB = 1_024;

interface MapRun {
  readonly arn: string;
  readonly ms: number;
}

export async function usageOf(
  deployment: Deployment,
  executionArns: readonly string[],
  report: JobReport,
): Promise<Usage> {
  const machine = await machineOf(deployment);
  const histories: ReturnType<typeof readHistory>[] = [];
  const runs: MapRun[] = [];
  for (const arn of executionArns) {
    histories.push(await historyOf(deployment, arn));
    runs.push(...(await mapRunsOf(deployment, arn)));
  }
  const total = (field: 'transitions' | 'stepInvocations' | 'stepMs') =>
    histories.reduce((sum, history) => sum + history[field], 0);
  const [transitions, stepInvocations, stepMs] = [
    total('transitions'),
    total('stepInvocations'),
    total('stepMs'),
  ];
  let usage: Usage = {
    invocations: stepInvocations,
    gbSeconds:
      (stepMs / 1000) * ((await memoryMb(deployment, machine.stepFunction, STEP_MEMORY_MB)) / MB_PER_GB),
    isUpperBound: false,
    transitions,
    expressExecutions: 0,
    expressSeconds: 0,
    ...storageRequests(report),
  };
  const taskGb = (await memoryMb(deployment, machine.mapFunction, TASK_MEMORY_MB)) / MB_PER_GB;
  for (const run of runs) {
    const children = await childrenOf(deployment, run, machine.isExpress);
    const ms = children.ms ?? run.ms * Math.min(children.count, machine.maxConcurrency);
    usage = {
      ...usage,
      invocations: usage.invocations + children.count,
      gbSeconds: usage.gbSeconds + (ms / 1000) * taskGb,
      isUpperBound: usage.isUpperBound || children.ms === undefined,
      // The start of a child, and its one state.
      transitions: usage.transitions + (machine.isExpress ? 0 : 2 * children.count),
      expressExecutions: usage.expressExecutions + (machine.isExpress ? children.count : 0),
      expressSeconds: usage.expressSeconds + (machine.isExpress ? ms / 1000 : 0),
    };
  }
  return usage;
}

async function historyOf({ sfn }: Deployment, executionArn: string) {
  const { paginateGetExecutionHistory } = await import('@aws-sdk/client-sfn');
  const events: HistoryEvent[] = [];
  await callAws({ action: 'states:GetExecutionHistory', on: executionArn }, async () => {
    const question = { executionArn, includeExecutionData: false, maxResults: 1_000 };
    try {
      for await (const page of paginateGetExecutionHistory({ client: sfn }, question))
        events.push(...(page.events ?? []));
    } catch (error) {
      // Of a job that was redriven after months, the first execution has expired.
      if (!isAwsError(error, 'ExecutionDoesNotExist')) throw error;
    }
  });
  return readHistory(events);
}

export function readHistory(events: readonly HistoryEvent[]) {
  let [transitions, stepInvocations, stepMs, enteredMs]: [number, number, number, number] = [0, 0, 0, 0];
  for (const event of events) {
    const type = event.type ?? '';
    const atMs = event.timestamp?.getTime() ?? 0;
    if (type.endsWith('StateEntered')) transitions++;
    if (type === 'TaskStateEntered') enteredMs = atMs;
    if (type === 'TaskStateExited') stepMs += atMs - enteredMs;
    if (type === 'TaskScheduled') stepInvocations++;
  }
  return { transitions, stepInvocations, stepMs };
}

/** Not from the history: an execution that was stopped amid a stage does not tell its end, and MiniStack tells none. */
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

/** `ms` is undefined where Step Functions does not list the children: those of EXPRESS, and on emulators. */
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

/** Who may submit need not be allowed to look at functions: then the default. */
async function memoryMb(
  { stateMachineArn }: Deployment,
  functionName: string | undefined,
  otherwise: number,
): Promise<number> {
  if (functionName === undefined) return otherwise;
  const { GetFunctionConfigurationCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  try {
    const answer = await new LambdaClient(clientOptions(regionOption(stateMachineArn))).send(
      new GetFunctionConfigurationCommand({ FunctionName: functionName }),
    );
    return answer.MemorySize ?? otherwise;
  } catch (error) {
    if (error instanceof Error && /^AccessDenied|^ResourceNotFound/.test(error.name)) return otherwise;
    throw error;
  }
}

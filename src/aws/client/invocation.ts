/** One task of a planned job, run by the deployed function without committing. */

import type { InvokeCommandOutput } from '@aws-sdk/client-lambda';
import {
  deserializeError,
  isMapReduceError,
  MapReduceError,
  repairTarget,
  type SerializedError,
} from '../../base/errors.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { stagesOf } from '../../plan/stages.ts';
import type { JobPlan } from '../../plan/task.ts';
import type { PlanDocument } from '../protocol/documents.ts';
import type { DryRun } from '../protocol/job-state.ts';
import { invokedFailure, type ReportedFailure } from '../protocol/lambda-reports.ts';
import { callAws, isAwsError } from './aws-errors.ts';
import { regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import type { JobStatus } from './job-status.ts';
import { machineOf } from './machine.ts';
import { assertPlanned, type NamedTask } from './task-name.ts';

export interface Invocation {
  readonly answer: DryRun;
  /** Its last 4 KB, which is what Lambda returns. */
  readonly log: string;
}

/**
 * @returns the plan that the task is part of
 * @throws UsageError for a task that could only fail
 */
export function planOfTask(
  { commandLine }: Deployment,
  { status, task }: { status: JobStatus; task: NamedTask },
): PlanDocument {
  const { jobId: job, phase, plan } = status;
  const statusLine = commandLine(`status ${job}`);
  const usage = (text: string) => new MapReduceError('UsageError', text);
  if (plan === undefined) {
    throw usage(
      phase === 'planning'
        ? `job ${job} is not planned yet, so it has no tasks. Try again in some seconds; '${statusLine}' says where it is`
        : `job ${job} has no plan on the bucket: it ${phase === 'failed' ? 'failed before it was planned' : 'ended before it was planned'}, or its plan has expired (they are kept for 90 days unless the deployment says otherwise). '${statusLine}' says how it ended`,
    );
  }
  assertPlanned(task, plan.plan);
  const stages = stagesOf(plan.plan.settings);
  const running = stages.find((stage) => stage === phase);
  if (task.stage === stages[0]) return plan;
  if (running !== undefined && stages.indexOf(running) < stages.indexOf(task.stage)) {
    throw usage(
      `${task.stage} tasks of job ${job} can run when its ${running} stage has ended; it is still running`,
    );
  }
  if (phase === 'succeeded') throw usage(shuffleGone(job, 'it is removed when a job succeeds'));
  return plan;
}

function shuffleGone(job: string, why: string): string {
  return `the shuffle of job ${job}, which its reduce tasks read, is not there: ${why}. Its map tasks can be run by hand all the same; to look at a reduce task, submit the job again and invoke the task while it runs, or after it failed`;
}

/** ARN of the deployed version that runs the task. */
export async function functionOf(deployment: Deployment, { stage }: NamedTask): Promise<string> {
  const machine = await machineOf(deployment);
  const name = machine.taskFunctions[stage];
  if (name !== undefined) return name;
  throw new MapReduceError(
    'UsageError',
    `the state machine ${deployment.stateMachineArn} names no function for ${stage} tasks: mapreduce did not deploy it. Choose another with --stack or --state-machine`,
  );
}

export async function invokeTask(
  deployment: Deployment,
  { functionName, jobId, task }: { functionName: string; jobId: string; task: NamedTask },
): Promise<Invocation> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  // A lost answer is no reason to run a task of minutes again.
  const client = new LambdaClient({ ...regionOption(deployment.stateMachineArn), maxAttempts: 1 });
  const response = await callAws({ action: 'lambda:InvokeFunction', on: functionName }, async () => {
    try {
      return await client.send(
        new InvokeCommand({
          FunctionName: functionName,
          LogType: 'Tail',
          Payload: JSON.stringify({ jobId, item: { index: task.index }, dryRun: true }),
        }),
      );
    } catch (error) {
      if (!isAwsError(error, 'ResourceNotFoundException')) throw error;
      throw new MapReduceError(
        'UsageError',
        `there is no function ${functionName}, which the state machine names. Deploy again with '${deployment.deployLine()}'`,
        { cause: error },
      );
    }
  });
  const log = Buffer.from(response.LogResult ?? '', 'base64')
    .toString('utf8')
    .trimEnd();
  return { log, answer: answerOf(response, { task, deployLine: deployment.deployLine() }) };
}

function answerOf(
  { FunctionError, Payload }: InvokeCommandOutput,
  { task, deployLine }: { task: NamedTask; deployLine: string },
): DryRun {
  const text = Buffer.from(Payload ?? []).toString('utf8') || 'null';
  if (FunctionError !== undefined) {
    const failure = invokedFailure(FunctionError, text);
    return { dryRun: true, elapsedMs: 0, error: errorOf(failure, task) };
  }
  // The cast: lambdas/steps/dry-run.ts writes every answer with this field.
  const payload: unknown = parseJson(text);
  if (typeof payload === 'object' && payload !== null && 'dryRun' in payload) return payload as DryRun;
  throw new MapReduceError(
    'UsageError',
    `the deployed function is too old for dry runs, and ran task ${task.taskId} as another attempt, which is safe because only one attempt commits. Deploy again with '${deployLine}' to run tasks without committing`,
  );
}

function errorOf(failure: ReportedFailure, { taskId }: NamedTask): SerializedError {
  switch (failure.kind) {
    case 'thrown':
      return failure.error;
    case 'death':
      return { name: failure.death.name, message: failure.death.message, details: { taskId } };
    case 'tasks-failed':
    case 'other': {
      const said = failure.kind === 'other' ? `: ${failure.name}: ${failure.message}` : '';
      return {
        name: 'WorkerDiedError',
        message: `the function ended without an answer${said}`,
        details: { taskId },
      };
    }
  }
}

/** Why the task failed, as a MapReduceError. */
export function taskFailure(
  { store }: Deployment,
  { plan: { settings }, task, answer }: { plan: JobPlan; task: NamedTask; answer: DryRun },
): MapReduceError {
  const { jobId: job, jobName } = settings;
  const error = deserializeError(answer.error!);
  const known = isMapReduceError(error) ? error : undefined;
  const { phase: _phase, file, ...details } = known?.details ?? {};
  const isShuffleGone =
    repairTarget(error) === 'shuffle-index' && isMapReduceError(error.cause, 'ObjectNotFoundError');
  const message = isShuffleGone
    ? shuffleGone(
        job,
        'the map stage has not ended, or it has expired since (after a week unless the deployment says otherwise)',
      )
    : `${error.name}: ${error.message}`;
  return new MapReduceError(known?.name ?? 'TaskFailedError', message, {
    details: {
      taskId: task.taskId,
      ...details,
      ...(file === undefined ? {} : { file: `${store.location}/${file}` }),
      jobName,
      jobId: job,
    },
  });
}

/** Has the deployed plan function plan a job that is not started. */

import { deserializeError, MapReduceError } from '../../base/errors.ts';
import { parseJson } from '../../codec/parse-json.ts';
import type { AnnouncedFile, DryPlan } from '../protocol/job-state.ts';
import { invokedFailure } from '../protocol/lambda-reports.ts';
import { callAws } from './aws-errors.ts';
import { regionOption } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import { machineOf } from './machine.ts';

/**
 * @param announced  inputs that are still to be uploaded
 * @throws the error with which the plan would refuse the request
 */
export async function invokePlan(
  deployment: Deployment,
  input: unknown,
  announced: readonly AnnouncedFile[] = [],
): Promise<DryPlan> {
  const functionName = (await machineOf(deployment)).stepFunctions.Plan;
  if (functionName === undefined) {
    throw new MapReduceError(
      'UsageError',
      `the state machine ${deployment.stateMachineArn} names no function that plans jobs: mapreduce did not deploy it. Choose another with --stack or --state-machine`,
    );
  }
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const client = new LambdaClient(regionOption(deployment.stateMachineArn));
  const { FunctionError, Payload } = await callAws(
    { action: 'lambda:InvokeFunction', on: functionName },
    () =>
      client.send(
        new InvokeCommand({
          FunctionName: functionName,
          Payload: JSON.stringify({
            input,
            execution: { id: 'dry-run', startTime: '' },
            dryRun: true,
            announced,
          }),
        }),
      ),
  );
  const text = Buffer.from(Payload ?? []).toString('utf8') || 'null';
  if (FunctionError !== undefined) throw errorOf(FunctionError, text);
  const payload: unknown = parseJson(text);
  // The cast: lambdas/steps/plan.ts writes every answer with this field.
  if (typeof payload === 'object' && payload !== null && 'dryRun' in payload) return payload as DryPlan;
  throw new MapReduceError(
    'UsageError',
    `the deployed plan function is too old for dry runs. Deploy again with '${deployment.deployLine()}'`,
  );
}

function errorOf(functionError: string, text: string): Error {
  const failure = invokedFailure(functionError, text);
  if (failure.kind === 'thrown') return deserializeError(failure.error);
  const why = failure.kind === 'death' ? failure.death.message : text;
  return new MapReduceError('WorkerDiedError', `the plan function ended without an answer: ${why}`);
}

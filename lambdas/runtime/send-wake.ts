/** Only the plan function imports this, so that the others do not load the client. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { WAKE_EVENT, WAKE_MS_MAX } from '../../src/aws/protocol/wake.ts';

let client: LambdaClient | undefined;

/** See SendWake. It is sent once: a function that Lambda throttles has no use for a wake. */
export async function sendWake(functionArn: string, signal: AbortSignal): Promise<void> {
  client ??= new LambdaClient({ maxAttempts: 1, requestHandler: { connectionTimeout: WAKE_MS_MAX } });
  const { FunctionError } = await client.send(
    new InvokeCommand({ FunctionName: functionArn, Payload: JSON.stringify(WAKE_EVENT) }),
    { abortSignal: signal },
  );
  if (FunctionError !== undefined) throw new Error(`the function failed: ${FunctionError}`);
}

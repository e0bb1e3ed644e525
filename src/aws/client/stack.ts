/** Looks for a CloudFormation stack by its name. */
import type { Stack } from '@aws-sdk/client-cloudformation';
import { callAws, isStackMissing } from './aws-errors.ts';
import { clientOptions, clientRegion } from './client-options.ts';

export interface StackLookup {
  /** Undefined if there is no stack of that name. */
  readonly stack: Stack | undefined;
  /** The region that was searched. */
  readonly region: string;
}

/** Makes one request. */
export async function findStack(name: string): Promise<StackLookup> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(clientOptions(clientRegion()));
  const call = { action: 'cloudformation:DescribeStacks', on: `the stack ${name}` };
  const stack = await callAws(call, async () => {
    try {
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
      return Stacks[0];
    } catch (error) {
      if (isStackMissing(error)) return undefined;
      throw error;
    }
  });
  return { stack, region: await client.config.region() };
}

/** The value of an output; undefined if the stack has no such output. */
export function stackOutput({ Outputs: outputs = [] }: Stack, name: string): string | undefined {
  return outputs.find(({ OutputKey }) => OutputKey === name)?.OutputValue;
}

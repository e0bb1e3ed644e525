import { SFNClient } from '@aws-sdk/client-sfn';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export const MACHINE = 'arn:aws:states:us-east-1:123456789012:stateMachine:M';

/** What connect() in src/aws/client/deployment.ts returns, for a deployment whose bucket is this store. */
export function connectionTo(store: ObjectStore) {
  return {
    bucket: 'bucket',
    stateMachineArn: MACHINE,
    store,
    sfn: new SFNClient({ region: 'us-east-1' }),
    commandLine: (command: string) => `mapreduce ${command}`,
    deployLine: (more = '') => `mapreduce deploy${more}`,
  };
}

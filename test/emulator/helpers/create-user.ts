import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { type EmulatorUnderTest, uniqueName } from '../with-emulator.ts';

export interface AccessKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Creates a user that may do only this, and returns its keys. */
export async function createUser(
  { clientConfig }: EmulatorUnderTest,
  allowed: { readonly Action: readonly string[]; readonly Resource: string | readonly string[] },
): Promise<AccessKeys> {
  const iam = new IAMClient(clientConfig);
  const UserName = uniqueName('user');
  const Statement = [{ Effect: 'Allow', ...allowed }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new CreateUserCommand({ UserName }));
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'inline', PolicyDocument }));
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: key!.AccessKeyId!, secretAccessKey: key!.SecretAccessKey! };
}

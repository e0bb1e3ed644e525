/**
 * Removes one permission from a role of the stack on an emulator that enforces IAM, and checks that the failure says
 * which permission to grant. Every other test of the stack shows that the roles have what jobs need.
 */
import {
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FunctionName } from '../../infra/functions/function-names.ts';
import type { FailureDocument } from '../../src/aws/protocol/documents.ts';
import { DeployedStack } from './deployed-stack.ts';
import { describeOnEmulators, type EmulatorUnderTest, uniqueName } from './with-emulator.ts';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/** The inline policies of the role of one of the stack's functions. */
class FunctionRole {
  readonly #iam: IAMClient;
  readonly #roleName: string;

  private constructor(iam: IAMClient, roleName: string) {
    this.#iam = iam;
    this.#roleName = roleName;
  }

  static async of(
    emulator: EmulatorUnderTest,
    stack: DeployedStack,
    name: FunctionName,
  ): Promise<FunctionRole> {
    const { Role } = await new LambdaClient(emulator.clientConfig).send(
      new GetFunctionConfigurationCommand({ FunctionName: (await stack.functions())[name] }),
    );
    return new FunctionRole(new IAMClient(emulator.clientConfig), Role!.split('/').at(-1)!);
  }

  /**
   * Removes one permission until the returned function is called. Throws if the role does not have it, because then the
   * test would prove nothing.
   */
  async without(action: string, keys: string): Promise<() => Promise<void>> {
    const RoleName = this.#roleName;
    const { PolicyNames = [] } = await this.#iam.send(new ListRolePoliciesCommand({ RoleName }));
    for (const PolicyName of PolicyNames) {
      const { PolicyDocument } = await this.#iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      const policy = JSON.parse(decodeURIComponent(PolicyDocument!)) as { Statement: Statement[] };
      const isMeant = ({ Action, Resource }: Statement) =>
        [Action].flat().includes(action) && [Resource].flat().some((arn) => arn.endsWith(`/${keys}`));
      if (!policy.Statement.some(isMeant)) continue;
      const lessened = policy.Statement.flatMap((statement) => {
        if (!isMeant(statement)) return [statement];
        const Resource = [statement.Resource].flat().filter((arn) => !arn.endsWith(`/${keys}`));
        return Resource.length === 0 ? [] : [{ ...statement, Resource }];
      });
      const put = (document: string) =>
        this.#iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: document }));
      await put(JSON.stringify({ ...policy, Statement: lessened }));
      return async () => {
        await put(JSON.stringify(policy));
      };
    }
    throw new Error(`the role ${RoleName} may not ${action} ${keys} in the first place`);
  }
}

describeOnEmulators('The roles of the stack', (emulator) => {
  // LocalStack does not enforce policies.
  describe.runIf(emulator.name === 'MiniStack')('that lack one permission', () => {
    let stack: DeployedStack;
    const request = { app: 'word-count', inputs: ['data/words.txt'], reducers: 1 };
    beforeAll(async () => {
      const settings = {
        jobs: 'apps/index.ts',
        maxConcurrency: 4,
        taskMemoryMb: 512,
        taskTimeoutSeconds: 600,
      };
      // The app that `cdk deploy` uses in a checkout. The other tests use that of `mapreduce deploy`.
      stack = await DeployedStack.deploy(emulator, settings, { app: 'infra/checked-app.ts' });
      await stack.put('data/words.txt', 'one two two\n');
    });

    test.each<[FunctionName, string, string]>([
      ['plan', 's3:PutObject', 'jobs/*/plan/*'],
      ['map', 's3:GetObject', 'data/*'],
      ['map', 's3:PutObject', 'work/*/shuffle/*'],
      ['map-barrier', 's3:GetObject', 'work/*/shuffle/*'],
      ['reduce', 's3:GetObject', 'work/*/shuffle/*'],
      ['reduce', 's3:PutObject', 'output/*/part-r-*'],
      ['commit', 's3:PutObject', 'output/*/_SUCCESS'],
    ])(
      '%s without %s on %s: the failure names the permission, and a redrive succeeds once it is granted',
      async (name, action, keys) => {
        const role = await FunctionRole.of(emulator, stack, name);
        const jobId = uniqueName('denied');

        const giveBack = await role.without(action, keys);
        const denied = await stack.start({ jobId, request });
        await giveBack();

        expect(denied.status).toBe('FAILED');
        expect(denied.cause).toContain('AccessDenied');
        const failure = await stack.getJson<FailureDocument>(`jobs/${jobId}/failure.json`);
        const named = keys.split('*').map(escaped).join('[^ ]*');
        expect(failure.message).toMatch(new RegExp(`access denied: .*Grant ${action} on [^ ]*/${named}`));
        expect(await stack.get(`output/${jobId}/_SUCCESS`)).toBeUndefined();
        if (name !== 'plan')
          expect(failure.nextSteps.map(({ text }) => text).join()).toContain(`mapreduce redrive ${jobId}`);
        expect(await stack.start({ jobId, redrive: true })).toMatchObject({ status: 'SUCCEEDED' });
        expect(await stack.get(`output/${jobId}/part-r-00000.tsv`)).toEqual(Buffer.from('one\t1\ntwo\t2\n'));
      },
    );

    test('plan without access to the input: the cause names the object that it may not read', async () => {
      const role = await FunctionRole.of(emulator, stack, 'plan');
      const jobId = uniqueName('denied');

      const giveBack = await role.without('s3:GetObject', 'data/*');
      const denied = await stack.start({ jobId, request });
      await giveBack();

      expect(denied).toMatchObject({ status: 'FAILED' });
      expect(denied.cause).toMatch(/access denied: HeadObject .*Grant s3:GetObject on .*data\/words\.txt/);
    });

    test('failure without permission to write its note: the execution still shows the reason', async () => {
      const role = await FunctionRole.of(emulator, stack, 'failure');

      const giveBack = await role.without('s3:PutObject', 'jobs/*/failure.json');
      const denied = await stack.start({
        jobId: uniqueName('denied'),
        request: { ...request, app: 'unknown' },
      });
      await giveBack();

      expect(denied.status).toBe('FAILED');
      expect(denied.cause).toContain("there is no app 'unknown'");
    });
  });
});

function escaped(text: string): string {
  return text.replaceAll(/[^\w/-]/g, '\\$&');
}

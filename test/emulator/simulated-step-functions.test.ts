/** Runs the cases that define the simulated Step Functions on the emulators, which must end them the same way. */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  paginateGetExecutionHistory,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { beforeAll, expect, test } from 'vitest';
import {
  type CaseParts,
  type Expected,
  HANDLER,
  inputOf,
  MACHINE_CASES,
  type MachineCase,
} from '../simulation/step-functions/machine-cases.ts';
import { createFunction, createRole, untilEnded } from './deploy.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

describeOnEmulators('the cases of the simulated Step Functions', (emulator) => {
  const s3 = new S3Client(emulator.clientConfig);
  const sfn = new SFNClient(emulator.clientConfig);
  const bucket = uniqueName('bucket');
  /** All cases run at the same time, because most of them only wait. */
  const outcomes = new Map<MachineCase, Promise<Expected>>();
  let machineRole: string;

  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    for (const { objects = {} } of MACHINE_CASES) {
      for (const [Key, value] of Object.entries(objects)) {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(value) }));
      }
    }
    const [role, states] = await Promise.all([
      createRole(emulator, 'lambda'),
      createRole(emulator, 'states'),
    ]);
    machineRole = states;
    const { arn } = await createFunction(emulator, { files: { 'index.mjs': HANDLER }, role });
    const done = { StartAt: 'Done', States: { Done: { Type: 'Succeed' } } };
    const parts = { functionArn: arn, bucket, otherMachine: await machineOf(done) };
    for (const one of MACHINE_CASES) {
      const outcome = outcomeOf(one, parts);
      outcome.catch(() => {});
      outcomes.set(one, outcome);
    }
  });

  for (const one of MACHINE_CASES) {
    const { why, ...differs } = one.differs?.[emulator.name] ?? { why: undefined };
    const title = why === undefined ? one.name : `${one.name} (here: ${why})`;
    test(title, async () => {
      expect(await outcomes.get(one)).toEqual({ ...one.expected, ...differs });
    });
  }

  async function outcomeOf(one: MachineCase, parts: CaseParts): Promise<Expected> {
    const stateMachineArn = await machineOf(one.definition(parts));
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(inputOf(one, parts)) }),
    );
    const { status, output, error, cause } = await untilEnded(emulator, executionArn!);
    const entered = await enteredStates(executionArn!);
    if (status !== 'FAILED')
      return { status: status as Expected['status'], output: JSON.parse(output!), entered };
    const { errorType } = cause?.startsWith('{') ? (JSON.parse(cause) as { errorType?: string }) : {};
    const causeType =
      errorType === undefined || errorType.startsWith('Runtime.') ? {} : { causeType: errorType };
    return { status, error: error!, ...causeType, entered };
  }

  async function machineOf(definition: unknown): Promise<string> {
    const { stateMachineArn } = await sfn.send(
      new CreateStateMachineCommand({
        name: uniqueName('machine'),
        roleArn: machineRole,
        definition: JSON.stringify(definition),
      }),
    );
    return stateMachineArn!;
  }

  async function enteredStates(executionArn: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { events = [] } of paginateGetExecutionHistory({ client: sfn }, { executionArn })) {
      for (const { stateEnteredEventDetails: entered } of events) {
        if (entered?.name !== undefined) names.push(entered.name);
      }
    }
    return names;
  }
});

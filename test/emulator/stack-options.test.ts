import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { HeadObjectCommand, PutBucketEncryptionCommand } from '@aws-sdk/client-s3';
import { DescribeStateMachineCommand } from '@aws-sdk/client-sfn';
import { beforeAll, expect, test } from 'vitest';
import { DeployedStack } from './deployed-stack.ts';
import { selected } from './selection.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

describeOnEmulators('The construct in a stack with its own bucket and key', (emulator) => {
  // LocalStack's parser rejects EXPRESS children.
  const childExecutions = emulator.name === 'MiniStack' ? 'EXPRESS' : 'STANDARD';
  let stack: DeployedStack;
  beforeAll(async () => {
    const app = join(import.meta.dirname, 'own-bucket-app.ts');
    stack = await DeployedStack.deploy(emulator, { childExecutions }, { app });
  });

  test(`runs a job with ${childExecutions} children`, async () => {
    const { definition } = await stack.sfn.send(
      new DescribeStateMachineCommand({ stateMachineArn: stack.stateMachineArn }),
    );
    for (const file of ['a', 'b', 'c', 'd', 'e']) await stack.put(`data/lines/${file}.txt`, `${file} line\n`);
    const request = {
      app: 'word-count',
      inputs: ['data/lines/'],
      splitSizeBytes: 7,
      reducers: 2,
      merge: true,
    };

    const ended = await stack.start({ jobId: uniqueName('options'), request });

    expect(definition!.match(/"ExecutionType":\s*"\w+"/g)).toEqual(
      Array(2).fill(`"ExecutionType":"${childExecutions}"`),
    );
    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const { parts, report } = await stack.result(ended.output.outputPrefix);
    expect(report.stages.map(({ tasks }) => tasks)).toEqual([5, 2]);
    expect(parts.get('merged.tsv')!.toString()).toBe('a\t1\nb\t1\nc\t1\nd\t1\ne\t1\nline\t5\n');
  });

  test.runIf(selected(emulator, 'options of a job'))(
    'lets S3 concatenate the parts of a merged result if they are in order',
    async () => {
      const lines = Array.from({ length: 5_000 }, (_, i) =>
        `${(i * 7_919) % 5_000}`.padStart(4, '0').padEnd(4_095, '.'),
      );
      await stack.put('data/unsorted.txt', `${lines.join('\n')}\n`);
      const request = { app: 'sort', inputs: ['data/unsorted.txt'], reducers: 2, merge: true };

      const ended = await stack.start({ jobId: uniqueName('copied'), request });

      expect(ended).toMatchObject({ status: 'SUCCEEDED' });
      const { parts, report } = await stack.result(ended.output.outputPrefix);
      const [name, bytes] = [...parts][0]!;
      expect(bytes.toString() === `${lines.toSorted().join('\n')}\n`).toBe(true);
      expect(report.parts).toMatchObject([{ bytes: bytes.length, crc32: printedCrc32(bytes) }]);
      const head = await stack.s3.send(
        new HeadObjectCommand({ Bucket: stack.bucket, Key: `${ended.output.outputPrefix}${name}` }),
      );
      // One part per reduce task. If the function had uploaded the bytes, the parts would be 8 MiB.
      expect(head.ETag).toMatch(/-2"$/);
    },
  );

  test('starts a job for an upload', async () => {
    await stack.put('input/word-count/hello.txt', 'hello\n');

    const ended = await stack.next();

    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: 1 } });
  });

  // MiniStack does not support default encryption of buckets.
  test.runIf(emulator.name === 'LocalStack')('encrypts all that a job writes with the key', async () => {
    const { KeyArn } = stack.outputs;
    // LocalStack's CloudFormation ignores this property of a bucket; test/infra checks that the template has it.
    await stack.s3.send(
      new PutBucketEncryptionCommand({
        Bucket: stack.bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KeyArn },
              BucketKeyEnabled: true,
            },
          ],
        },
      }),
    );
    await stack.put('data/secret.txt', 'a secret\n');
    const jobId = uniqueName('encrypted');

    const ended = await stack.start({ jobId, request: { app: 'word-count', inputs: ['data/secret.txt'] } });

    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const keys = [...(await stack.keys(`jobs/${jobId}/`)), ...(await stack.keys(`output/${jobId}/`))];
    expect(keys.length).toBeGreaterThanOrEqual(7);
    for (const Key of keys) {
      const head = await stack.s3.send(new HeadObjectCommand({ Bucket: stack.bucket, Key }));
      expect([Key, head.ServerSideEncryption, head.SSEKMSKeyId]).toEqual([Key, 'aws:kms', KeyArn]);
    }
  });
});

function printedCrc32(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

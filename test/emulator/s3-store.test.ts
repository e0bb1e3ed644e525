import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import { describeObjectStoreContract } from '../storage/object-store-contract.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

describeOnEmulators('S3Store', (emulator) => {
  const client = createS3Client({ ...emulator.clientConfig });

  describeObjectStoreContract(
    `S3Store on ${emulator.name}`,
    async () => {
      const bucket = uniqueName('contract');
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      return new S3Store({ client, bucket });
    },
    { listingCases: 10 },
  );
});

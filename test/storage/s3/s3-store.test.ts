import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { describeObjectStoreContract } from '../object-store-contract.ts';
import { FakeS3 } from './s3-fake-service.ts';

describeObjectStoreContract(
  'S3Store',
  async () => new S3Store({ client: new FakeS3().client(), bucket: 'bucket' }),
  { listingCases: 100 },
);

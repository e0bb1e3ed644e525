/** The S3 store on the simulated S3 keeps the contract of every store. */
import { afterAll, beforeAll } from 'vitest';
import { SimulatedS3 } from '../../../simulation/s3/s3.ts';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { describeObjectStoreContract } from '../../storage/object-store-contract.ts';

const clock = new VirtualClock();
let isRunning = true;

beforeAll(() => {
  const run = async () => {
    while (isRunning) await clock.step();
  };
  void run();
});
afterAll(() => {
  isRunning = false;
});

describeObjectStoreContract(
  'S3Store on the simulated S3',
  async () => {
    const random = seededRandom(1);
    const s3 = new SimulatedS3({ clock, random });
    s3.createBucket('bucket');
    return new S3Store({ client: s3.client(), bucket: 'bucket', clock, random });
  },
  { listingCases: 100 },
);

/** What environments of schedules do between their invocations. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { HANDLERS, type HandlerOf } from '../../../simulation/lambda/handlers.ts';
import { Random } from '../../../simulation/random.ts';
import { S3Faults } from '../../../simulation/s3/faults.ts';
import { SimulatedS3 } from '../../../simulation/s3/s3.ts';
import { Functions } from '../../../simulation/schedules/functions.ts';
import { APPS } from '../../../simulation/schedules/small-jobs.ts';
import { type Trouble, Troubles } from '../../../simulation/schedules/troubles.ts';
import { virtualWorld } from '../../../simulation/world.ts';
import { CODE_HASH_VARIABLE } from '../../../src/aws/protocol/code-hash.ts';

const VARIABLES = {
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
  [CODE_HASH_VARIABLE]: 'test',
  MAPREDUCE_BUCKET: 'bucket',
  MAPREDUCE_MAX_CONCURRENCY: '1',
  MAPREDUCE_BACKUP_ATTEMPTS: 'false',
  MAPREDUCE_MAX_TASKS_PER_STAGE: '1',
  MAPREDUCE_TASK_MEMORY_MB: '256',
  MAPREDUCE_SCRATCH_MB: '2048',
  MAPREDUCE_READABLE_PREFIXES: '["data/"]',
};

/** The first invocation has this trouble. */
class FirstTrouble extends Troubles {
  #left: Trouble[];

  constructor(first: Trouble) {
    super({ random: new Random(1), probability: 0, troublesMax: 0, perTaskMax: 0 });
    this.#left = [first];
  }

  override next(): Trouble | undefined {
    return this.#left.shift();
  }
}

/** Every invocation gets a warm environment if there is one. */
class Warm extends Random {
  override chance(): boolean {
    return true;
  }
}

/** Answers while a request that it does not wait for is under way. */
const impatient: HandlerOf =
  ({ environmentOf, clock }) =>
  async (_, context) => {
    const { store } = environmentOf({ remainingMs: () => context.getRemainingTimeInMillis() });
    void store.head('key').catch(() => {});
    await new Promise<void>((resolve) => {
      clock.after(1, resolve);
    });
  };

afterEach(() => void vi.restoreAllMocks());

it('a process that ended after its invocation gets no further one', async () => {
  vi.spyOn(HANDLERS, 'map').mockImplementation(impatient);
  const world = virtualWorld(1);
  const { clock, random } = world;
  const faults = new S3Faults({ random }).on('HeadObject', 'slow-answer');
  const s3 = new SimulatedS3({ clock, random, faults });
  s3.createBucket('bucket');
  const scratch = await mkdtemp(join(tmpdir(), 'mapreduce-functions-'));
  const functions = new Functions({
    world,
    s3,
    random: new Warm(1),
    troubles: new FirstTrouble({
      kind: 'dies at a request',
      at: 1,
      effect: 'dies-after',
      error: 'Runtime.ExitError',
    }),
    apps: APPS,
    variables: VARIABLES,
    scratch,
    skewMsMax: 0,
    trace: () => {},
    onInvoked: () => {},
  });
  const invokeTwice = async () => {
    const first = await functions.invoke('map', { jobId: 'job' });
    await clock.sleep(60_000);
    const second = await functions.invoke('map', { jobId: 'job' });
    await functions.settled();
    return [first, second];
  };

  const answers = await clock.run(invokeTwice());

  await rm(scratch, { recursive: true, force: true });
  expect(answers).toEqual([null, null]);
});

/** What code notices of the environment that it runs in: it is busy, frozen, resumed, dead. */
import { describe, expect, it } from 'vitest';
import { FREE_CPU, SimulatedEnvironment } from '../../../simulation/lambda/environment.ts';
import { LambdaFaults } from '../../../simulation/lambda/faults.ts';
import { Network } from '../../../simulation/lambda/network.ts';
import { SimulatedS3 } from '../../../simulation/s3/s3.ts';
import { type VirtualWorld, virtualWorld } from '../../../simulation/world.ts';
import { MiB } from '../../../src/base/limits.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';

interface SetUp {
  readonly world: VirtualWorld;
  readonly faults: LambdaFaults;
  readonly environment: SimulatedEnvironment;
  readonly store: S3Store;
  readonly s3: SimulatedS3;
}

function setUp(): SetUp {
  const world = virtualWorld(1);
  const { clock, random } = world;
  const faults = new LambdaFaults({ random });
  const environment = new SimulatedEnvironment({ world, faults, cpu: FREE_CPU });
  const s3 = new SimulatedS3({ clock, random });
  s3.createBucket('bucket');
  const client = s3.client(environment.link);
  const store = new S3Store({ bucket: 'bucket', client, clock: environment.clock, random });
  return { world, faults, environment, store, s3 };
}

describe('an environment', () => {
  it('that is frozen sends and hears nothing, and goes on when it is resumed', async () => {
    const { world, environment, store, s3 } = setUp();
    const done: string[] = [];
    const background = async () => {
      await store.put('first', Buffer.from('1'));
      done.push('first');
      await store.put('second', Buffer.from('2'));
      done.push('second');
    };
    void background();

    environment.freeze();
    await world.clock.run(world.clock.sleep(60_000));
    const whileFrozen = { keys: [...s3.bucket('bucket').keys], done: [...done] };
    environment.thaw({ hangs: false });
    await world.clock.run(world.clock.sleep(1_000));

    // S3 had received the first request before.
    expect(whileFrozen).toEqual({ keys: ['first'], done: [] });
    expect(done).toEqual(['first', 'second']);
    expect(s3.bucket('bucket').keys).toEqual(['first', 'second']);
  });

  it('that is dead has no effect any more', async () => {
    const { world, environment, store, s3 } = setUp();
    const work = async () => {
      for (let key = 0; ; key++) await store.put(String(key), Buffer.alloc(1));
    };
    void work();

    await world.clock.run(world.clock.sleep(1_000));
    environment.die();
    const { length } = s3.bucket('bucket').keys;
    await world.clock.run(world.clock.sleep(1_000));

    // S3 executes a request that is on its way.
    expect(s3.bucket('bucket').keys.length).toBeLessThanOrEqual(length + 1);
    expect(length).toBeGreaterThan(3);
    expect(s3.log.total).toBeLessThanOrEqual(length + 1);
  });

  it.each([
    ['dies-before-call', 1],
    ['dies-after-call', 2],
  ] as const)('that %s at its second call leaves %i objects', async (kind, left) => {
    const { world, environment, store, s3 } = setUp();
    let isReported = false;
    environment.onDeath = () => {
      isReported = true;
    };
    environment.thaw({ death: { kind, at: 2 }, hangs: false });
    const work = async () => {
      for (let key = 0; key < 5; key++) await store.put(String(key), Buffer.alloc(1));
    };
    void work();

    await world.clock.run(world.clock.sleep(1_000));

    expect(s3.bucket('bucket').keys).toHaveLength(left);
    expect(isReported && environment.isDead).toBe(true);
  });

  it('that computes gets answers afterwards', async () => {
    const { world, environment, store } = setUp();
    await world.clock.run(store.put('a', Buffer.alloc(1)));
    const startMs = world.clock.nowMs();

    const answered = store.head('a');
    environment.compute(5_000);
    await world.clock.run(answered);

    expect(world.clock.nowMs() - startMs).toBeGreaterThanOrEqual(5_000);
  });
});

describe('the network of an environment', () => {
  it('has a burst, then 75 MiB a second, and the burst fills up while it is idle', () => {
    const network = new Network();

    const burstMs = network.transferMs(300 * MiB, 0);
    const steadyMs = network.transferMs(75 * MiB, burstMs);
    const laterMs = network.transferMs(150 * MiB, burstMs + steadyMs + 2_000);

    expect([burstMs, steadyMs, laterMs]).toEqual([500, 1_000, 250]);
  });
});

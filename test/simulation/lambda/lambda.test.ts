/** Scale-up, throttling and billing of the simulated Lambda, with a handler that only takes time. */
import { describe, expect, it } from 'vitest';
import { settingsOf, variablesOf } from '../../../simulation/aws.ts';
import type { HandlerOf } from '../../../simulation/lambda/handlers.ts';
import { type SimulatedFunction, SimulatedLambda } from '../../../simulation/lambda/lambda.ts';
import { SimulatedS3 } from '../../../simulation/s3/s3.ts';
import { type VirtualWorld, virtualWorld } from '../../../simulation/world.ts';

const WORK_MS = 20_000;
const ARN = 'arn:aws:lambda:us-east-1:123456789012:function:Work';

const works: HandlerOf =
  ({ clock }) =>
  async (event) => {
    await new Promise<void>((resolve) => clock.after(WORK_MS, resolve));
    return event;
  };

function deployed(
  config: Partial<SimulatedFunction> = {},
  accountConcurrency = 10_000,
): { world: VirtualWorld; lambda: SimulatedLambda } {
  const world = virtualWorld(1);
  const s3 = new SimulatedS3({ clock: world.clock, random: world.random });
  const lambda = new SimulatedLambda({ world, s3, scratchParent: '/nowhere', accountConcurrency });
  lambda.deploy({
    arn: ARN,
    name: 'work',
    handlerOf: works,
    variables: variablesOf(settingsOf()),
    jobs: { apps: { none: { load: async () => undefined } } },
    memoryMb: 2_048,
    scratchMb: 512,
    timeoutMs: 60_000,
    ...config,
  });
  return { world, lambda };
}

function invoked({ lambda }: ReturnType<typeof deployed>, invocations: number): Promise<string[]> {
  const all = Array.from({ length: invocations }, (_, index) =>
    lambda.invoke(ARN, { index }).then(
      () => 'answered',
      (error: Error) => error.name,
    ),
  );
  return Promise.all(all);
}

async function outcomes(one: ReturnType<typeof deployed>, invocations: number): Promise<string[]> {
  return await one.world.clock.run(invoked(one, invocations));
}

const count = (all: readonly string[], outcome: string) => all.filter((one) => one === outcome).length;

describe('the simulated Lambda', () => {
  it('adds 1,000 environments of a function at once, and throttles further ones', async () => {
    const one = deployed();

    const all = await outcomes(one, 1_300);

    expect(count(all, 'answered')).toBe(1_000);
    expect(count(all, 'Lambda.TooManyRequestsException')).toBe(300);
    expect(one.lambda.usage).toMatchObject({ coldStarts: 1_000, throttled: 300, concurrencyMax: 1_000 });
  });

  it('adds 100 more in a second', async () => {
    const one = deployed();
    const first = invoked(one, 1_000);
    await one.world.clock.run(one.world.clock.sleep(1_000));

    const second = await outcomes(one, 200);
    await one.world.clock.run(first);

    expect(count(second, 'answered')).toBe(100);
  });

  it.each([
    ['of the account', {}, 100],
    ['of the function', { reservedConcurrency: 100 }, 10_000],
  ])('throttles at the concurrency %s', async (_, config, accountConcurrency) => {
    expect(count(await outcomes(deployed(config, accountConcurrency), 150), 'answered')).toBe(100);
  });

  it('uses environments again, and bills the first start', async () => {
    const one = deployed();

    await outcomes(one, 1);
    const { gbSeconds: first } = one.lambda.usage;
    await outcomes(one, 1);

    expect(one.lambda.usage.coldStarts).toBe(1);
    expect(one.lambda.usage.gbSeconds - first).toBeCloseTo((WORK_MS / 1000) * 2);
    expect(first).toBeGreaterThan((WORK_MS / 1000) * 2 + 0.2);
  });

  it('makes a new environment after five minutes', async () => {
    const one = deployed();

    await outcomes(one, 1);
    await one.world.clock.run(one.world.clock.sleep(301_000));
    await outcomes(one, 1);

    expect(one.lambda.usage.coldStarts).toBe(2);
  });

  it('ends a function at its time limit', async () => {
    const one = deployed({ timeoutMs: 3_000 });

    expect(await outcomes(one, 1)).toEqual(['Sandbox.Timedout']);
    expect(one.world.clock.nowMs()).toBeLessThan(5_000);
  });

  it('runs an event in two environments at once', async () => {
    const one = deployed();
    one.lambda.faults.on('work', 'twice');

    expect(await outcomes(one, 1)).toEqual(['answered']);
    expect(one.lambda.usage).toMatchObject({ invocations: 2, concurrencyMax: 2, coldStarts: 2 });
  });

  it('lets a function run on whose caller gets an error', async () => {
    const one = deployed();
    one.lambda.faults.on('work', 'lost-answer');

    expect(await outcomes(one, 1)).toEqual(['Lambda.SdkClientException']);
    expect(one.lambda.usage.gbSeconds).toBe(0);
    await one.world.clock.run(one.world.clock.sleep(2 * WORK_MS));
    expect(one.lambda.usage.gbSeconds).toBeGreaterThan(2 * (WORK_MS / 1000));
  });

  it('retries an event that it throttles, and gives up after a minute', async () => {
    const one = deployed({ reservedConcurrency: 1 });

    for (let event = 0; event < 10; event++) await one.lambda.invoke(ARN, {}, { isEvent: true });
    await one.world.clock.run(one.world.clock.sleep(300_000));

    // One after the other, as long as an event is young enough to start.
    expect(one.lambda.usage.invocations).toBe(3);
  });
});

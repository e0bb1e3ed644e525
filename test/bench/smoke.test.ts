import { expect, test } from 'vitest';
import {
  assertFastEnough,
  bestOfRounds,
  describeSmoke,
  readSmoke,
  type SmokeResult,
  saveSmoke,
} from '../../bench/smoke.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

/** The figures of successive rounds. */
async function smoke(
  figures: number[],
  options: { expected?: number; isToBeSaved?: boolean },
): Promise<{ result: SmokeResult; rounds: number }> {
  let rounds = 0;
  const figure = async () => figures[rounds++]!;
  const { expected, isToBeSaved = false } = options;
  return { result: await bestOfRounds('sort', { figure, expected, isToBeSaved }), rounds };
}

test('a halved speed in all four rounds is too slow, and one good round is enough', async () => {
  const halved = await smoke([61, 70, 62, 61, 1], { expected: 30 });
  const busy = await smoke([90, 62, 59, 1], { expected: 30 });

  expect([halved.rounds, halved.result.figure, halved.result.isTooSlow]).toEqual([4, 61, true]);
  expect([busy.rounds, busy.result.figure, busy.result.isTooSlow]).toEqual([3, 59, false]);
  expect(() => assertFastEnough([busy.result])).not.toThrow();
  expect(() => assertFastEnough([halved.result])).toThrow(
    /sort took more than 2 times .* in 4 rounds.*--save/s,
  );
});

test('saves the best of four rounds, and keeps what was saved of other workloads', async () => {
  const folder = folderOfTest('bench-smoke');
  const { result } = await smoke([33.33, 40, 35, 36], { isToBeSaved: true });

  saveSmoke(folder, [{ ...result, workload: 'word-count' }]);
  saveSmoke(folder, [result]);

  expect(readSmoke(folder)).toEqual({ 'word-count': 33.3, sort: 33.3 });
  expect(describeSmoke([result])).toMatch(/^sort +33\.3 +- +nothing saved$/m);
});

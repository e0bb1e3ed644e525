import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../simulation/schedules/turns.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

it('what happens at one time comes in the order of the keys, whoever was ready first', async () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock);
  const log: string[] = [];
  const act = async (key: string, realTurns: number) => {
    await clock.sleep(10);
    for (let turn = 0; turn < realTurns; turn++) await nextTurn();
    await turns.next(key);
    log.push(`${key} at ${clock.nowMs()} ms`);
  };

  await clock.run(Promise.all([act('c', 0), act('a', 2), act('b', 1)]));

  expect(log).toEqual(['a at 10 ms', 'b at 10 ms', 'c at 10 ms']);
});

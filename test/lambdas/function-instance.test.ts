import { describe, expect, it } from 'vitest';
import { FunctionInstance } from '../../lambdas/steps/function-instance.ts';

function counting() {
  let sent: [reads: number, writes: number] = [0, 0];
  const instance = new FunctionInstance({
    id: 'i',
    coldStartMs: 250,
    memoryInUseBytes: () => 1,
    requests: () => [...sent],
  });
  const send = (reads: number, writes: number) => {
    sent = [sent[0] + reads, sent[1] + writes];
  };
  return { instance, send };
}

describe('the requests of the attempts of one environment', () => {
  it('include the commit, and add up to those that were sent', () => {
    const { instance, send } = counting();
    const first = instance.begin();
    send(10, 2);
    const ofFirst = first.requests!([0, 1]);
    // The commit, one retry of it, and a check that was under way.
    send(1, 2);
    const second = instance.begin();
    send(5, 0);
    second.readsBeforeCommit = 1;
    const ofSecond = second.requests!([0, 1]);
    send(1, 1);

    expect(ofFirst).toEqual([10, 3]);
    expect(ofSecond).toEqual([5 + 1 + 1, 0 + 1 + 1]);
    expect(ofFirst[0] + ofSecond[0]).toBe(17);
    expect(ofFirst[1] + ofSecond[1]).toBe(5);
  });

  it('of an attempt without facts count for the next one', () => {
    const { instance, send } = counting();
    const lost = instance.begin();
    send(7, 1);
    lost.requests!([0, 1]);
    send(0, 1);
    lost.leavesNoFacts();

    const next = instance.begin();
    send(2, 0);

    expect(next.requests!([0, 1])).toEqual([9, 3]);
  });

  it('are all of an attempt that measures itself twice, as one does whose commit fails', () => {
    const { instance, send } = counting();
    const attempt = instance.begin();
    send(3, 0);
    attempt.requests!([0, 1]);
    send(0, 8);

    expect(attempt.requests!([0, 1])).toEqual([3, 9]);
  });

  it('come with the cold start of the first attempt only', () => {
    const { instance } = counting();

    expect(instance.begin().coldStartMs).toBe(250);
    expect(instance.begin().coldStartMs).toBeUndefined();
  });
});

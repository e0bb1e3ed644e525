import { describe, expect, it } from 'vitest';
import { attemptVerdict, type FailedAttempt } from '../../src/stages/attempts.ts';

interface Failure extends FailedAttempt {
  readonly id: number;
}

function failures(
  ...kinds: readonly ('retryable' | 'hopeless' | 'excused' | 'excused and hopeless')[]
): Failure[] {
  return kinds.map((kind, id) => ({
    id,
    isRetryable: kind === 'retryable' || kind === 'excused',
    isExcused: kind.startsWith('excused'),
  }));
}

describe('a task', () => {
  it.each([
    ['without failures', []],
    ['with fewer failures than allowed', failures('retryable', 'retryable')],
    ['with failures that do not count', failures('retryable', 'excused', 'retryable', 'excused', 'excused')],
    ['with a hopeless failure of a backup', failures('excused and hopeless')],
  ])('%s gets another attempt', (_, failed) => {
    expect(attemptVerdict(failed, 3)).toEqual({ kind: 'try again' });
  });

  it('that failed as often as allowed fails with the last failure that counts', () => {
    const verdict = attemptVerdict(failures('retryable', 'retryable', 'retryable', 'excused'), 3);

    expect(verdict).toMatchObject({ kind: 'used up', attempt: { id: 2 } });
  });

  it('fails immediately with a failure that every other attempt would repeat', () => {
    const verdict = attemptVerdict(failures('hopeless', 'retryable'), 3);

    expect(verdict).toMatchObject({ kind: 'hopeless', attempt: { id: 0 } });
  });
});

/**
 * Decides whether a task gets another attempt. The scheduler of the embedded run asks after each failed attempt. The
 * barriers on AWS ask about missing tasks; Step Functions has already retried their attempts by the same table of errors.
 */

export interface FailedAttempt {
  /** False for an error that every other attempt would repeat. */
  readonly isRetryable: boolean;
  /**
   * True if the failure does not count against the task, whatever the error: the attempt was a backup, or it read a
   * damaged object of an earlier stage.
   */
  readonly isExcused: boolean;
}

export type AttemptVerdict<A> =
  | { readonly kind: 'try again' }
  /** Every other attempt would repeat this failure. */
  | { readonly kind: 'hopeless'; readonly attempt: A }
  /** The task has failed as often as allowed; this is its last failure. */
  | { readonly kind: 'used up'; readonly attempt: A };

/** @param failures  all failures of one task, oldest first */
export function attemptVerdict<A extends FailedAttempt>(
  failures: readonly A[],
  attemptsMax: number,
): AttemptVerdict<A> {
  const counted = failures.filter(({ isExcused }) => !isExcused);
  const hopeless = counted.findLast(({ isRetryable }) => !isRetryable);
  if (hopeless !== undefined) return { kind: 'hopeless', attempt: hopeless };
  const last = counted.at(-1);
  return last !== undefined && counted.length >= attemptsMax
    ? { kind: 'used up', attempt: last }
    : { kind: 'try again' };
}

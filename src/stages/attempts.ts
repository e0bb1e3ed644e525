/**
 * Whether a task gets another attempt. Both hosts ask here: the scheduler of the embedded run after each failed attempt,
 * the barriers on AWS about tasks that are missing, whose attempts Step Functions has retried by the same table of errors.
 */

export interface FailedAttempt {
  /** False for an error that another attempt would only repeat. */
  readonly isRetryable: boolean;
  /**
   * The attempt raced another one, or met a damaged object of an earlier stage: nothing that counts against the task,
   * whatever the error.
   */
  readonly isExcused: boolean;
}

export type AttemptVerdict<A> =
  | { readonly kind: 'try again' }
  /** Another attempt would only repeat this failure. */
  | { readonly kind: 'hopeless'; readonly attempt: A }
  /** The last of as many failures as are allowed. */
  | { readonly kind: 'used up'; readonly attempt: A };

/** @param failures  of one task, oldest first */
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

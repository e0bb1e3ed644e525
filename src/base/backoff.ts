export interface Backoff {
  readonly backoffMsBase: number;
  readonly backoffMsMax: number;
}

/**
 * How long to wait before the next attempt of a task that has failed `failures` times. Full jitter keeps tasks that
 * failed together (because of a full disk, say) from retrying together.
 *
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog.
 */
export function backoffMs(failures: number, policy: Backoff, random: () => number): number {
  const ceilingMs = Math.min(policy.backoffMsMax, policy.backoffMsBase * 2 ** (failures - 1));
  return random() * ceilingMs;
}

/** How often an attempt checks whether the job was cancelled, whether it failed, and whether another attempt committed. */
export const ATTEMPT_CHECK_MS = 5_000;
/** How many requests to S3 each check makes. */
export const ATTEMPT_CHECK_READS = 3;

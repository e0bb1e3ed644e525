/** How often an attempt in a function looks for a cancel, for the failure of the job, and for another attempt's commit. */
export const ATTEMPT_LOOK_MS = 5_000;
/** Requests to S3 in one look. */
export const ATTEMPT_LOOK_READS = 3;

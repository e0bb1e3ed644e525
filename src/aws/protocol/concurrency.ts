/** How many tasks of a job run at once. */

/** A Distributed Map runs at most this many children at once. */
export const CONCURRENCY_MAX = 10_000;

/** The variable of the functions that holds what the deployment allows, where the command reads it. */
export const CONCURRENCY_VARIABLE = 'MAPREDUCE_MAX_CONCURRENCY';

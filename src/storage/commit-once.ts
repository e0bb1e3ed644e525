import { isMapReduceError } from '../base/errors.ts';

/**
 * Runs the conditional write that is an attempt's commit. False when another attempt had been first: a normal outcome,
 * after which nothing of this one counts.
 */
export async function commitOnce(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (isMapReduceError(error, 'PreconditionFailedError')) return false;
    throw error;
  }
}

/**
 * Folders for what attempts spill: one for the job, one in it for each attempt, none left behind.
 *
 *     <parent>/scratch-<pid>-<random>/      comes with the first attempt, goes with `remove`
 *         m-00042.0/                        made by the attempt's worker, removed when the attempt is over
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptId } from '../../base/ids.ts';

/** Removing a folder that a dying thread still writes to can fail for a moment. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;

export class Scratch {
  readonly folder: string;

  /** `parent` should be on a disk with room for what the job shuffles. Nothing is made yet: planning may still fail. */
  constructor(parent: string) {
    this.folder = join(parent, `scratch-${process.pid}-${randomBytes(4).toString('hex')}`);
  }

  /** Only the path. */
  attemptFolder(attempt: AttemptId): string {
    return join(this.folder, attempt);
  }

  /** For an attempt whose worker could not do it any more. */
  async removeAttempt(attempt: AttemptId): Promise<void> {
    await rm(this.attemptFolder(attempt), REMOVE);
  }

  /** Called once at the end, however the job ended, after the last attempt. */
  async remove(): Promise<void> {
    await rm(this.folder, REMOVE);
  }
}

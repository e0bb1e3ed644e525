/**
 * Folders for spills: one for the job, and in it one for each attempt. All of them are removed.
 *
 *     <parent>/scratch-<pid>-<random>/      created with the first attempt, removed by `remove`
 *         m-00042.0/                        created by the worker of the attempt, removed after the attempt
 *         merge/                            created for the merge of the parts
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptId } from '../../base/ids.ts';
import { randomHex } from '../../base/random-hex.ts';

/** Removing a folder may fail briefly while a dying thread still writes to it. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;

export class Scratch {
  readonly folder: string;

  /** @param parent  should be on a disk with room for the spills of the job. The constructor creates no folder. */
  constructor(parent: string) {
    this.folder = join(parent, `scratch-${process.pid}-${randomHex(8)}`);
  }

  /** Returns the path. Does not create the folder. */
  attemptFolder(attempt: AttemptId): string {
    return join(this.folder, attempt);
  }

  /** The folder for the merge of the parts, which no task does. Returns the path and does not create the folder. */
  mergeFolder(): string {
    return join(this.folder, 'merge');
  }

  /** Called after an attempt whose worker may not have removed the folder. */
  async removeAttempt(attempt: AttemptId): Promise<void> {
    await rm(this.attemptFolder(attempt), REMOVE);
  }

  /** Called once after the last attempt, whether the job succeeded or failed. */
  async remove(): Promise<void> {
    await rm(this.folder, REMOVE);
  }
}

/**
 * Folders for what attempts spill: one for the job, one in it for each attempt, none left behind.
 *
 *     <parent>/mapreduce-<random>/          made by `Scratch.make`, removed by `remove`
 *         m-00042.0/                        made by the attempt's worker, removed when the attempt is over
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptId } from '../ids.ts';

/** Removing a folder that a dying thread still writes to can fail for a moment. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;

export class Scratch {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `parent` is made if it is not there; it should be on a disk with room for what one job shuffles. */
  static async make(parent: string): Promise<Scratch> {
    await mkdir(parent, { recursive: true });
    return new Scratch(await mkdtemp(join(parent, 'mapreduce-')));
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

  /** The same without waiting, for a process that is on its way out. */
  removeNow(): void {
    rmSync(this.folder, REMOVE);
  }
}

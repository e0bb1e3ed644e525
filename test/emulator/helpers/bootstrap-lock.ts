/**
 * Test files share an emulator and run at the same time. If two `cdk bootstrap`s run at once, one finds its change set
 * gone. All code that bootstraps, or deploys with a bootstrap, therefore holds this lock.
 */
import { join } from 'node:path';
import { withFolderLock } from '../../../emulators/cache.ts';
import type { EmulatorUnderTest } from '../with-emulator.ts';

export function whileBootstrapping<T>(
  { folderOfRun, name }: EmulatorUnderTest,
  work: () => Promise<T>,
): Promise<T> {
  return withFolderLock(join(folderOfRun, `bootstrap-${name}`), work);
}

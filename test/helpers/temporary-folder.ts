import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** Creates a folder that is removed after the current test. Call it in a test or in `beforeEach`. */
export function folderOfTest(name: string): string {
  const folder = newFolder(name);
  onTestFinished(() => remove(folder));
  return folder;
}

/** Creates a folder that is removed after the tests of the file. Call it outside of tests. */
export function folderOfFile(name: string): string {
  const folder = newFolder(name);
  afterAll(() => remove(folder));
  return folder;
}

/** The path contains no links, so it equals the paths that the system reports. */
function newFolder(name: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)));
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

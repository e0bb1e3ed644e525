/** Creates the same files on disk and as keys of a bucket, and lists what an input selects in each. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listLocalInputs } from '../../../src/plan/inputs/list-local-inputs.ts';
import { listStoredInputs } from '../../../src/plan/inputs/list-stored-inputs.ts';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

export interface Selected {
  readonly keys: readonly string[];
  readonly leftOut: readonly string[];
}

export interface Side {
  readonly name: 'disk' | 'bucket';
  /** Input names and results are relative to the location of the files. */
  select(...patterns: string[]): Promise<Selected>;
}

export async function bothSides(files: Readonly<Record<string, string>>): Promise<Side[]> {
  return [disk(files), await bucket(files)];
}

function disk(files: Readonly<Record<string, string>>): Side {
  const root = folderOfTest('both-stores');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const relative = (path: string) => path.slice(root.length + 1);
  return {
    name: 'disk',
    async select(...patterns) {
      const leftOut: string[] = [];
      const found = await listLocalInputs(
        new FileStore({ root: '/' }),
        patterns.map((pattern) => `${root}/${pattern}`),
        { onLeftOut: (folder) => leftOut.push(relative(folder)) },
      );
      return { keys: found.map(({ key }) => relative(key)), leftOut };
    },
  };
}

async function bucket(files: Readonly<Record<string, string>>): Promise<Side> {
  const store = new MemoryStore();
  for (const [name, text] of Object.entries(files)) await store.put(name, Buffer.from(text));
  return {
    name: 'bucket',
    async select(...patterns) {
      const leftOut: string[] = [];
      const found = await listStoredInputs(store, patterns, { onLeftOut: (folder) => leftOut.push(folder) });
      return { keys: found.map(({ key }) => key), leftOut };
    },
  };
}

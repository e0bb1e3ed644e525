/** What an embedded run leaves behind if it is killed or its disk fails, and what the next run does with it. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MiB } from '../../../src/base/limits.ts';
import { thisProcess } from '../../../src/local/output/host-process.ts';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../../src/local/run/run-options.ts';
import { listLocalInputs } from '../../../src/plan/inputs/list-local-inputs.ts';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { startCli } from '../../cli/cli-process.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { type FolderState, folderState, layFolder } from './folder-states.ts';
import { changes, watchFiles } from './watched-files.ts';

vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));

const WORDS = new URL('../run/jobs/words.ts', import.meta.url);
const SPILLING = new URL('../run/jobs/spilling.ts', import.meta.url);

function setting(text: string, jobModule: URL) {
  const folder = folderOfTest('killed-run-test');
  const input = join(folder, 'input.txt');
  writeFileSync(input, text);
  const output = join(folder, 'output');
  const run = (options: Partial<EmbeddedRunOptions> = {}) =>
    runEmbedded({
      jobModule,
      inputs: [input],
      output,
      workers: 'sequential',
      memoryBytes: 32 * MiB,
      ...options,
    });
  return { folder, input, output, run };
}

describe('a run that is killed while it spills', () => {
  test('leaves spills and intermediates, which the next run removes', async () => {
    // A sort buffer holds at most 2,000 of these records: the first task spills before it waits, and the second succeeds.
    const lines = Array.from({ length: 6_000 }, (_, line) => `w${String(line).padStart(8, '0')}\n`);
    const { folder, input, output, run } = setting(lines.join(''), SPILLING);
    const job = ['run', fileURLToPath(SPILLING), '-i', input, '-o', output, '--set', 'waitAt=w00002900'];
    const child = startCli([...job, '--workers', '2', '--memory', '32MiB', '--split-size', '30000'], {
      cwd: folder,
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const left = () => (existsSync(output) ? readdirSync(output, { recursive: true, encoding: 'utf8' }) : []);
    const has = (pattern: RegExp) => left().some((path) => pattern.test(path));
    const SPILL = /^\.mapreduce\/job-[^/]+\/scratch-[^/]+\/m-00000[^/]*\/./;
    const SHUFFLE_OBJECT = /^\.mapreduce\/job-[^/]+\/work\/shuffle\/m-00001$/;

    while (!has(SPILL) || !has(SHUFFLE_OBJECT)) {
      if (child.exitCode !== null) throw new Error(`it ended by itself: ${(await child.ended).stderr}`);
      await sleep(20);
    }
    child.kill('SIGKILL');
    await child.ended;
    const leftByKilled = [has(SPILL), has(SHUFFLE_OBJECT)];
    await run({ reducers: 1 });

    expect(leftByKilled).toEqual([true, true]);
    expect(left().sort()).toEqual(['_SUCCESS', '_attempts.jsonl.gz', 'manifest.json', 'part-r-00000.tsv']);
  });
});

describe('a run that replaces results', () => {
  const small = () => setting('one two\ntwo three\n', WORDS);
  const parts = (state: FolderState) => Object.keys(state).filter((key) => key.startsWith('part-'));

  test('and is killed at any step leaves the old or the new result, complete, and nothing else after the next run', async () => {
    const { output, run } = small();
    await run({ reducers: 3 });
    const before = folderState(output);
    const killed = new Map<string, FolderState>();
    using watch = watchFiles(async (name, path, step) => {
      const result = await step();
      if (changes(name) && path.startsWith(output)) {
        const state = folderState(output);
        killed.set(JSON.stringify(state), state);
      }
      return result;
    });
    await run({ reducers: 2, overwrite: true });
    watch[Symbol.dispose]();
    const after = folderState(output);

    const outcomes = new Set<number>();
    for (const state of killed.values()) {
      layFolder(output, buried(state));
      const read = await partsRead(output);

      await expect(run()).rejects.toMatchObject({ name: 'OutputExistsError' });
      const found = folderState(output);
      layFolder(output, buried(state));
      await run({ reducers: 1, overwrite: true });

      // An incomplete result is never read as data.
      expect([parts(before), parts(after), undefined]).toContainEqual(read);
      expect([before, after]).toContainEqual(found);
      expect(Object.keys(folderState(output))).toEqual([
        '_SUCCESS',
        '_attempts.jsonl.gz',
        'manifest.json',
        'part-r-00000.tsv',
      ]);
      outcomes.add(parts(found).length);
    }
    expect(outcomes).toEqual(new Set([3, 2]));
    expect(killed.size).toBeGreaterThan(20);
  });

  test.each([
    ['commits', {}],
    ['fails', { params: { misbehave: 'throw-always' }, attemptsMax: 1 }],
  ])(
    'and %s, while any one step fails on the disk, leaves the old or the new result',
    async (_how, options) => {
      const { output, run } = setting('one two\ntwo trigger\n', WORDS);
      await run({ reducers: 3 });
      const before = folderState(output);
      const ended = new Map<string, number>();
      for (let refused = 1, isPast = false; !isPast; refused++) {
        layFolder(output, before);
        let steps = 0;
        let which = '';
        using watch = watchFiles(async (name, path, step) => {
          if (!changes(name) || !path.startsWith(output) || ++steps !== refused) return step();
          which = `${name} ${relative(output, path)}`;
          throw Object.assign(new Error('EIO: refused'), { code: 'EIO' });
        });

        const error = await run({ reducers: 2, overwrite: true, attemptsMax: 1, ...options }).then(
          () => undefined,
          (thrown: Error) => thrown,
        );
        watch[Symbol.dispose]();
        isPast = steps < refused;
        const left = folderState(output);
        if (error === undefined) expect(parts(left), which).toHaveLength(2);
        // The next job restores what this one could not restore.
        layFolder(output, buried(left));
        await expect(run()).rejects.toMatchObject({ name: 'OutputExistsError' });
        const found = folderState(output);

        const hasCommitted = left._SUCCESS !== undefined && parts(left).length === 2;
        if (hasCommitted)
          expect(Object.keys(found), which).toEqual([
            '_SUCCESS',
            '_attempts.jsonl.gz',
            'manifest.json',
            ...parts(left),
          ]);
        else expect(found, which).toEqual(before);
        const how = `${error === undefined ? 'succeeds' : 'fails'} with ${parts(found).length} parts`;
        ended.set(how, (ended.get(how) ?? 0) + 1);
      }
      expect([...ended.keys()]).toContain('fails with 3 parts');
      if (_how === 'commits') expect(ended.get('succeeds with 2 parts')).toBeGreaterThan(3);
    },
  );
});

/** Names of the files that another run reads with this folder as its input; undefined if the run is refused. */
async function partsRead(output: string): Promise<string[] | undefined> {
  try {
    const files = await listLocalInputs(new FileStore({ root: '/' }), [output]);
    return files.map(({ key }) => basename(key));
  } catch (error) {
    expect(error).toMatchObject({
      message: expect.stringMatching(/has not finished|is no longer the result/),
    });
    return undefined;
  }
}

/** Changes the state as if the process that holds the claim had ended. */
function buried(state: FolderState): FolderState {
  const claim = `${JSON.stringify({ jobId: 'killed', ...thisProcess(), pid: 2 ** 22 + 1 })}\n`;
  return Object.fromEntries(
    Object.entries(state).map(([key, bytes]) => [key, /^\.mapreduce\/claim\/./.test(key) ? claim : bytes]),
  );
}

/** A shuffle object that is damaged while a reducer thread has it open and has read a part of it. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/base/limits.ts';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { JobEvent } from '../../../src/report/report.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';

const DAMAGING = new URL('./jobs/damaging.ts', import.meta.url);
/** Large enough that readers, which read three chunks ahead, have read only the beginning of each object. */
const LINES = Array.from({ length: 120_000 }, (_, line) => `${(line * 7_919) % 120_011} and more text`);

async function runDamaged(how: string): Promise<{ failures: unknown[]; lines: string[]; happened: boolean }> {
  const folder = folderOfTest('damage-test');
  const inFolder = (name: string) => join(folder, name);
  const [input, mark, output] = [inFolder('input.txt'), inFolder('mark'), inFolder('output')];
  writeFileSync(input, `${LINES.join('\n')}\n`);
  const events: JobEvent[] = [];
  await runEmbedded({
    jobModule: DAMAGING,
    inputs: [input],
    output,
    workers: 1,
    reducers: 1,
    splitSizeBytes: 1_300_000,
    memoryBytes: 64 * MiB,
    backupAttempts: false,
    onEvent: (event) => events.push(event),
    params: { mark, output, how },
  });
  const part = readdirSync(output).find((name) => name.startsWith('part-'))!;
  return {
    failures: events.flatMap((event) => (event.kind === 'attempt-failed' ? [event.error] : [])),
    lines: readFileSync(join(output, part), 'utf8').trimEnd().split('\n'),
    happened: existsSync(mark),
  };
}

const EXPECTED = LINES.map((line) => `${line}\t1`).sort();

describe('a shuffle object that is damaged while a reducer reads it', () => {
  test.each(['first block', 'last block', 'footer', 'other content', 'cut'])(
    'in place (%s): its map task runs again',
    async (how) => {
      const { failures, lines, happened } = await runDamaged(how);

      expect(happened).toBe(true);
      expect(lines).toEqual(EXPECTED);
      expect(failures).toMatchObject([{ name: 'CorruptShuffleError', details: { toRepair: 'm-00001' } }]);
    },
  );

  test.each(['removed', 'replaced'])('%s: the open file is intact, so nothing runs again', async (how) => {
    const { failures, lines, happened } = await runDamaged(how);

    expect(happened).toBe(true);
    expect(lines).toEqual(EXPECTED);
    expect(failures).toEqual([]);
  });
});

import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Contender } from '../../bench/contenders.ts';
import { describeWorkload } from '../../bench/report.ts';
import { runWorkload } from '../../bench/suite.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';

const folder = folderOfFile('bench-suite');

/** A contender that runs a shell script. $0 is the input, $1 the output. */
function shell(name: string, script: string): Contender {
  return {
    name,
    version: '',
    command: ({ input, output }) => ({ command: ['sh', '-c', script, input, output] }),
  };
}

test('runs the contenders in turns, compares their results, and omits a contender that fails from later turns', async () => {
  const contenders = [
    shell('mapreduce', 'mkdir "$1" && cp "$0" "$1/part-r-00000.tsv"'),
    shell('reversed', 'sort -r "$0" > "$1"'),
    shell('wrong', 'head -n 3 "$0" > "$1"'),
    shell('failing', 'exit 7'),
  ];
  const notes: string[] = [];

  const result = await runWorkload('tiny', {
    contenders,
    scale: 1,
    runs: 2,
    workers: 1,
    folder,
    note: (text) => notes.push(text),
  });

  expect(result.contenders.map(({ name, verdict, runs }) => [name, verdict, runs.length])).toEqual([
    ['mapreduce', 'equal', 2],
    ['reversed', 'equal', 2],
    ['wrong', 'different', 2],
    ['failing', 'failed', 0],
  ]);
  expect(notes.slice(1).map((text) => text.replace(/.*: /, ''))).toEqual([
    ...['mapreduce', 'reversed', 'wrong', 'failing'],
    ...['mapreduce', 'reversed', 'wrong'],
  ]);
  expect(describeWorkload(result)).toMatch(/^reversed .* equal +[\d.]+x +(?:[\d.]+x|-)$/m);
  expect(readdirSync(folder).filter((name) => name.startsWith('output'))).toEqual([]);
});

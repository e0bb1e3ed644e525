/**
 * A count whose output shows which code ran it, in map and in reduce. At a line 'wait', a task creates a file in a folder
 * that the test and the functions share, and waits there for the file 'go'.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';
import { waitForFile } from '../wait.ts';

export function dated(code: string) {
  return defineJob({
    name: 'dated',
    description: 'Count lines, and show which code did',
    input: textLines(),
    params: { meetIn: { type: 'string', default: '', description: 'the folder of these files' } },
    key: 'string',
    value: 'number',
    map(line, { emit, params: { meetIn }, file }) {
      if (line === 'wait') {
        writeFileSync(join(meetIn, encodeURIComponent(file)), '');
        waitForFile(join(meetIn, 'go'));
      }
      if (line === 'fail') throw new Error('told to fail');
      emit(`${line}, mapped ${code}`, 1);
    },
    reduce(line, counts, { emit }) {
      let sum = 0;
      for (const count of counts) sum += count;
      emit(`${line}, reduced ${code}`, sum);
    },
    output: tsv(),
  });
}

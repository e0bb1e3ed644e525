/**
 * Counts lines slowly. It records every line that it maps in a folder that the test and the functions share, so that a
 * test sees which tasks are running and when they have stopped. After its first line, a task waits until the file
 * <folder>.go exists.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';
import { pause, waitForFile } from './wait.ts';

export default defineJob({
  name: 'slow-count',
  description: 'Count lines, slowly',
  input: textLines(),
  params: {
    markers: { type: 'string', description: 'folder with a file per task, which has a byte per line' },
    lineMs: { type: 'number', default: 100, description: 'how long a line takes' },
  },
  key: 'string',
  value: 'number',
  setup: () => ({ task: '' }),
  map(_line, { emit, params, state, file, position }) {
    state.task ||= encodeURIComponent(`${file}-${position().offsetBytes}`);
    pause(params.lineMs);
    appendFileSync(join(params.markers, state.task), '.');
    waitForFile(`${params.markers}.go`);
    emit('lines', 1);
  },
  reduce: 'sum',
  output: tsv(),
});

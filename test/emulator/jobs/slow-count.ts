/**
 * Counts lines, and takes its time over each. It marks every line that it maps in a folder that the test and the
 * functions share, so that a test sees which tasks are at work, and when they no longer are.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'slow-count',
  description: 'How many lines there are, slowly',
  input: textLines(),
  params: {
    markers: { type: 'string', description: 'folder with a file for each task, a byte for each line' },
    lineMs: { type: 'number', default: 200, description: 'how long a line takes' },
  },
  key: 'string',
  value: 'number',
  setup: () => ({ task: '' }),
  map(_line, { emit, params, state, file, position }) {
    state.task ||= encodeURIComponent(`${file}-${position().offsetBytes}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, params.lineMs);
    appendFileSync(join(params.markers, state.task), '.');
    emit('lines', 1);
  },
  reduce: 'sum',
  output: tsv(),
});

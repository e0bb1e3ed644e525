/**
 * Counts lines, and takes its time over each. It marks every line that it maps in a folder that the test and the
 * functions share, so that a test sees which tasks are at work, and when they no longer are. Behind its first line a
 * task stands still until there is a file <folder>.go.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

/** More than a test waits for anything. */
const STANDSTILL_MS_MAX = 400_000;

export default defineJob({
  name: 'slow-count',
  description: 'How many lines there are, slowly',
  input: textLines(),
  params: {
    markers: { type: 'string', description: 'folder with a file for each task, a byte for each line' },
    lineMs: { type: 'number', default: 100, description: 'how long a line takes' },
  },
  key: 'string',
  value: 'number',
  setup: () => ({ task: '' }),
  map(_line, { emit, params, state, file, position }) {
    state.task ||= encodeURIComponent(`${file}-${position().offsetBytes}`);
    pause(params.lineMs);
    appendFileSync(join(params.markers, state.task), '.');
    const giveUpAt = Date.now() + STANDSTILL_MS_MAX;
    while (!existsSync(`${params.markers}.go`)) {
      if (Date.now() > giveUpAt) throw new Error(`nobody made ${params.markers}.go`);
      pause(10);
    }
    emit('lines', 1);
  },
  reduce: 'sum',
  output: tsv(),
});

/** Without giving up the thread, as a call of user code does. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

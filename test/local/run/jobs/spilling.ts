/** Sorts words with large values. On request, a map task waits forever at a line, with spills on disk. */
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

const VALUE = 'x'.repeat(10_000);

export default defineJob({
  name: 'spilling',
  description: 'Writes much to disk, and waits to be killed on demand',
  input: textLines(),
  key: 'string',
  value: 'string',
  params: { waitAt: { type: 'string', default: '', description: 'the line to stop at' } },
  map(line, { emit, params }) {
    if (line === params.waitAt) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    emit(line, VALUE);
  },
  reduce(line, values, { emit }) {
    let count = 0;
    for (const _ of values) count++;
    emit(line, String(count));
  },
  output: tsv(),
});

/** Counts lines. The first call of reduce, when all runs are open, damages an intermediate of the same job. */
import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'damaging',
  description: 'Counts lines, and damages what it reads',
  input: textLines(),
  key: 'string',
  value: 'number',
  params: {
    mark: { type: 'string', description: 'a file that says that the damage is done' },
    output: { type: 'string', description: 'the folder of the job' },
    how: { type: 'string', description: 'what to do' },
  },
  map: (line, { emit }) => emit(line, 1),
  reduce(line, counts, { emit, params }) {
    if (isDue(params.mark)) damage(params.output, params.how);
    let sum = 0;
    for (const count of counts) sum += count;
    emit(line, sum);
  },
  output: tsv(),
});

/** Damages the intermediate once per job. */
function isDue(mark: string): boolean {
  if (existsSync(mark)) return false;
  writeFileSync(mark, '');
  return true;
}

function damage(output: string, how: string): void {
  const name = readdirSync(output, { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith('shuffle/m-00001'),
  )!;
  const path = join(output, name);
  const bytes = readFileSync(path);
  switch (how) {
    case 'first block':
      bytes[100]! ^= 0x10;
      break;
    case 'last block':
      // The footer is shorter than this, and the last block is longer.
      bytes[bytes.length - 5_000]! ^= 0x10;
      break;
    case 'footer':
      bytes[bytes.length - 40]! ^= 0x10;
      break;
    case 'other content':
      bytes.fill(7);
      break;
    case 'removed':
      unlinkSync(path);
      return;
    case 'cut':
      writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
      return;
    case 'replaced':
      unlinkSync(path);
      break;
  }
  writeFileSync(path, bytes);
}

/** Job modules for tests of the command, as text, because the tests write them to folders without this package. */

/** @param map  the body of map(line, { emit, count }) */
export function jobModule(map: string, more = ''): string {
  return `
import { defineJob, textLines, tsv } from 'serverless-mapreduce';
${more}
export default defineJob({
  name: 'words',
  description: 'Counts words',
  input: textLines(),
  key: 'string',
  value: 'number',
  params: { case: { type: 'string', choices: ['lower', 'keep'], default: 'lower', description: 'of letters' } },
  map(line: string, { emit, count, params }) {
    ${map}
  },
  combine: 'sum',
  reduce: 'sum',
  output: tsv(),
});
`;
}

export const WORDS = jobModule(`
    count('lines');
    for (const word of line.split(' ')) emit(params.case === 'lower' ? word.toLowerCase() : word, 1);`);

/** At a line that says `wait`, waits until the file `go` exists. */
export const WAITING = jobModule(
  `
    while (line === 'wait' && !existsSync('go')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    emit(line, 1);`,
  "import { existsSync } from 'node:fs';",
);

/** Takes 5 ms per line. */
export const SLOW = jobModule(`
    const end = performance.now() + 5;
    while (performance.now() < end);
    emit(line, 1);`);

export const TALKATIVE = jobModule(`
    console.log('seen ' + line);
    emit(line, 1);`);

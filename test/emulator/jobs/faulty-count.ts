/**
 * word-count that misbehaves in the first attempt of its tasks. An attempt knows that it is the first by a file in a
 * folder that the test and the functions share, since emulators run functions as processes of this machine.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'faulty-count',
  description: 'How often each word occurs, in the end',
  input: textLines(),
  params: {
    fault: {
      type: 'string',
      choices: ['none', 'throw', 'exit'],
      default: 'none',
      description: 'what the first attempt of a task does: nothing bad, throw an error, end its process',
    },
    stage: { type: 'string', choices: ['map', 'reduce'], default: 'map', description: 'whose tasks' },
    markers: {
      type: 'string',
      default: '',
      description: 'folder that tells a second attempt from the first',
    },
    poison: {
      type: 'string',
      default: '',
      description: 'a line that contains this fails until there is a marker "cured"',
    },
  },
  key: 'string',
  value: 'number',
  setup: () => ({ isFirstCall: true }),
  map(line, { emit, params, state, file, position }) {
    if (state.isFirstCall) {
      state.isFirstCall = false;
      if (params.stage === 'map') misbehaveOnce(params, `${file}-${position().offsetBytes}`);
    }
    if (isPoisoned(line, params)) throw new TypeError(`cannot swallow '${line}'`);
    for (const word of line.toLowerCase().match(/\p{L}+/gu) ?? []) emit(word, 1);
  },
  reduce(word, counts, { emit, params, state }) {
    if (state.isFirstCall) {
      state.isFirstCall = false;
      if (params.stage === 'reduce') misbehaveOnce(params, word);
    }
    let sum = 0;
    for (const count of counts) sum += count;
    emit(word, sum);
  },
  output: tsv(),
});

function isPoisoned(line: string, { poison, markers }: { poison: string; markers: string }): boolean {
  return poison !== '' && line.includes(poison) && !existsSync(join(markers, 'cured'));
}

function misbehaveOnce({ fault, markers }: { fault: string; markers: string }, task: string): void {
  if (fault === 'none') return;
  const marker = join(markers, encodeURIComponent(task));
  if (existsSync(marker)) return;
  writeFileSync(marker, '');
  if (fault === 'exit') process.exit(1);
  throw new RangeError(`the first attempt of ${task} fails`);
}

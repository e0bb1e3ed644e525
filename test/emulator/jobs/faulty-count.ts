/**
 * A word count whose tasks misbehave in their first attempt. An attempt recognises that it is the first by a file in a
 * folder that the test and the functions share, because emulators run functions as processes of this machine.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';
import { pause, waitForFile } from './wait.ts';

export default defineJob({
  name: 'faulty-count',
  description: 'Count how often each word occurs, after some failures',
  input: textLines(),
  params: {
    fault: {
      type: 'string',
      choices: ['none', 'throw', 'exit', 'slow'],
      default: 'none',
      description:
        'what the first attempt of a task does: nothing unusual, throw an error, end its process, or map slowly once there is a marker "others done"',
    },
    stage: {
      type: 'string',
      choices: ['map', 'reduce'],
      default: 'map',
      description: 'the tasks that misbehave',
    },
    markers: {
      type: 'string',
      default: '',
      description: 'folder that distinguishes the second attempt from the first',
    },
    poison: {
      type: 'string',
      default: '',
      description: 'a line that contains this fails until there is a marker "cured"',
    },
    poisonWaits: {
      type: 'boolean',
      default: false,
      description: 'whether such a line first waits for a marker "others done" or "cured"',
    },
  },
  key: 'string',
  value: 'number',
  setup: () => ({ isFirstCall: true, isSlow: false }),
  map(line, { emit, params, state, file, position }) {
    if (state.isFirstCall) {
      state.isFirstCall = false;
      const task = `${file}-${position().offsetBytes}`;
      if (params.fault === 'slow') state.isSlow = file.includes('slow') && isFirst(params, task);
      else if (params.stage === 'map') misbehaveOnce(params, task);
    }
    if (state.isSlow) {
      awaitMarker(params, 'others done');
      pause(100);
      if (line.includes('the end')) writeFileSync(join(params.markers, 'the slow attempt has ended'), '');
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

function isPoisoned(
  line: string,
  params: { poison: string; poisonWaits: boolean; markers: string },
): boolean {
  const { poison, poisonWaits, markers } = params;
  if (poison === '' || !line.includes(poison)) return false;
  if (poisonWaits) awaitMarker(params, 'others done', 'cured');
  return !existsSync(join(markers, 'cured'));
}

function awaitMarker({ markers }: { markers: string }, ...names: string[]): void {
  waitForFile(...names.map((name) => join(markers, name)));
}

function misbehaveOnce(params: { fault: string; markers: string }, task: string): void {
  if (params.fault === 'none' || !isFirst(params, task)) return;
  if (params.fault === 'exit') process.exit(1);
  throw new RangeError(`the first attempt of ${task} fails`);
}

function isFirst({ markers }: { markers: string }, task: string): boolean {
  const marker = join(markers, encodeURIComponent(task));
  if (existsSync(marker)) return false;
  writeFileSync(marker, '');
  return true;
}

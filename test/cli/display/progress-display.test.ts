import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { jobId } from '../../../src/base/ids.ts';
import { progressDisplay } from '../../../src/cli/display/progress-display.ts';
import type { JobEvent } from '../../../src/report/report.ts';

const PLANNED: JobEvent = {
  kind: 'planned',
  jobId: jobId('words-1'),
  files: 1,
  bytes: 2,
  stages: [
    { stage: 'map', tasks: 1 },
    { stage: 'reduce', tasks: 1 },
  ],
};
const STARTED: JobEvent = { kind: 'stage-started', stage: 'map', tasks: 1 };
const PROGRESS: JobEvent = {
  kind: 'progress',
  progress: {
    stage: 'map',
    tasks: 1,
    done: 0,
    running: 1,
    failedAttempts: 0,
    records: 1,
    bytes: 1,
    bytesTotal: 2,
    elapsedMs: 500,
  },
};

/** A fake stream that has the given properties and keeps what is written to it. */
function streamOf(kind: Partial<NodeJS.WriteStream>) {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  return { stream: Object.assign(stream, kind) as unknown as NodeJS.WriteStream, written };
}

const TERMINAL = { isTTY: true, columns: 100, rows: 30 } as const;

describe('a display on a terminal', () => {
  test('draws nothing in the first 300 ms, because most short jobs need no display', async () => {
    const { stream, written } = streamOf(TERMINAL);
    const display = progressDisplay({ stream, jobName: 'words', isQuiet: false, nowMs: () => 0 });

    display.onEvent(PLANNED);
    await sleep(350);
    display.end();

    expect(written).toEqual([]);
  });

  test('draws later, makes room for what the job prints, and is erased at the end', async () => {
    const { stream, written } = streamOf(TERMINAL);
    let nowMs = 0;
    const display = progressDisplay({ stream, jobName: 'words', isQuiet: false, nowMs: () => nowMs });

    display.onEvent(PLANNED);
    nowMs = 1_000;
    while (written.length === 0) await sleep(20);
    display.print('hello\n');
    display.end();
    const atEnd = written.length;
    await sleep(250);

    expect(written.join('')).toMatch(/words.+1 file, 2 B[\s\S]+hello\n/);
    expect(written).toHaveLength(atEnd);
  });
});

describe('a display that is not on a terminal', () => {
  test('writes at most one line per second', () => {
    const { stream, written } = streamOf({});
    let nowMs = 0;
    const display = progressDisplay({ stream, jobName: 'words', isQuiet: false, nowMs: () => nowMs });

    display.onEvent(PLANNED);
    display.onEvent(STARTED);
    for (; nowMs <= 3_500; nowMs += 250) display.onEvent(PROGRESS);

    expect(written).toHaveLength(3);
    expect(written[0]).toMatch(/^words: 1 s, map \d+ %, 0 of 1 task done.*\n$/);
  });

  test('also writes lines on a terminal without a size', () => {
    const { stream, written } = streamOf({ ...TERMINAL, columns: 0, rows: 0 });
    let nowMs = 0;
    const display = progressDisplay({ stream, jobName: 'words', isQuiet: false, nowMs: () => nowMs });

    display.onEvent(PLANNED);
    nowMs = 1_000;
    display.onEvent(PROGRESS);

    expect(written).toHaveLength(1);
  });

  test('in quiet mode, only forwards what the job prints', () => {
    const { stream, written } = streamOf(TERMINAL);
    const display = progressDisplay({ stream, jobName: 'words', isQuiet: true, nowMs: () => 10_000 });

    display.onEvent(PLANNED);
    display.onEvent(PROGRESS);
    display.print('hello\n');

    expect(written).toEqual(['hello\n']);
  });
});

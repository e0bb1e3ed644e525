import { describe, expect, test } from 'vitest';
import { MapReduceError } from '../../../src/base/errors.ts';
import { attemptId, taskId } from '../../../src/base/ids.ts';
import { errorText } from '../../../src/cli/display/error-text.ts';
import { plainPaint } from '../../../src/cli/display/paint.ts';
import { userStack } from '../../../src/cli/display/user-stack.ts';

const PACKAGE_ROOT = new URL('file:///opt/node_modules/serverless-mapreduce/');
const STACK = [
  'TypeError: no such word',
  '    at parse (file:///home/me/job.ts:3:9)',
  '    at Array.map (<anonymous>)',
  '    at map (file:///home/me/job.ts:9:5)',
  '    at mapRecords (file:///opt/node_modules/serverless-mapreduce/dist/src/map/map-task.js:80:7)',
  '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
].join('\n');

function textOf(error: unknown): string {
  return errorText(error, { paint: plainPaint, packageRoot: PACKAGE_ROOT, job: './job.ts' });
}

function taskFailed(
  details: ConstructorParameters<typeof MapReduceError>[2],
  cause?: unknown,
): MapReduceError {
  return new MapReduceError('TaskFailedError', 'map task m-00003 failed 4 times', { ...details, cause });
}

describe('the text of an error', () => {
  test("of user code has the user's frames, the task, the record and how to print the record", () => {
    const details = {
      taskId: taskId('map', 3),
      attemptId: attemptId(taskId('map', 3), 3),
      phase: 'map',
      file: '/data/a.txt',
      offsetBytes: 4711,
      userStack: STACK,
    } as const;

    const text = textOf(
      taskFailed({ details }, new MapReduceError('UserCodeError', 'map() threw TypeError: no such word')),
    );

    expect(text).toBe(`error: map task m-00003 failed 4 times
    TypeError: no such word
    at parse (/home/me/job.ts:3:9)
    at Array.map (<anonymous>)
    at map (/home/me/job.ts:9:5)
    (2 more frames of the engine and of Node.js)

  job     ./job.ts
  task    m-00003, attempt m-00003.3
  file    /data/a.txt
  offset  byte 4711
  look    tail -c +4712 /data/a.txt | head -n 1
`);
  });

  test('quotes a file name for the shell, and does not suggest printing a compressed record', () => {
    const at = (file: string) =>
      textOf(taskFailed({ details: { taskId: taskId('map', 3), phase: 'map', file, offsetBytes: 0 } }));

    expect(at("/data/it's here.txt")).toContain(`look    tail -c +1 '/data/it'\\''s here.txt' | head -n 1`);
    expect(at('/data/a.gz')).not.toContain('look');
  });

  test("keeps a message that happens to contain the user's stack unchanged", () => {
    const details = { taskId: taskId('map', 3), userStack: 'no' };

    expect(
      textOf(new MapReduceError('UserCodeError', 'map() threw Error: no such word', { details })),
    ).toMatch(/^error: map\(\) threw Error: no such word\n/);
  });

  test('of a mistake in the command is one line', () => {
    expect(textOf(new MapReduceError('UsageError', '--output is empty'))).toBe('error: --output is empty\n');
  });

  test('contains no control characters', () => {
    expect(textOf(new MapReduceError('UsageError', 'no \u001b[2J such'))).toBe('error: no ·[2J such\n');
  });

  test.each([
    ['an unexpected error', new TypeError('x is not a function')],
    ['a task that failed with one', taskFailed({}, new TypeError('x is not a function'))],
    [
      'an unexpected error that became a StorageError',
      new MapReduceError('StorageError', 'x is not a function', {
        cause: new TypeError('x is not a function'),
      }),
    ],
    [
      'a task that failed with such a StorageError',
      taskFailed(
        {},
        new MapReduceError('StorageError', 'x', { cause: new TypeError('x is not a function') }),
      ),
    ],
  ])('calls %s a defect and shows its stack', (_, error) => {
    const text = textOf(error);

    expect(text).toContain('This is a defect of mapreduce');
    expect(text).toContain('TypeError: x is not a function\n        at ');
    expect(text).toMatch(/mapreduce \d+\.\d+\.\d+, Node\.js v24/);
  });

  test.each([
    [
      'user code',
      taskFailed({}, new MapReduceError('UserCodeError', 'map() threw', { cause: new TypeError('theirs') })),
    ],
    ['the disk', new MapReduceError('StorageError', 'EIO', { cause: new Error('EIO: i/o error, read') })],
  ])('does not call an error of %s a defect, and shows no stack of mapreduce', (_, error) => {
    expect(textOf(error)).not.toMatch(/defect|\n\s+at /);
  });
});

describe('a stack', () => {
  test('of only built-ins and the engine has no frame of the user', () => {
    const stack = `Error: x\n    at Array.map (<anonymous>)\n    at node:internal/process/task_queues:1:1`;

    expect(userStack(stack, PACKAGE_ROOT)).toEqual({ head: 'Error: x', frames: [], hidden: 2 });
  });

  test('includes frames of the apps of this package', () => {
    const stack =
      'Error: x\n    at map (file:///opt/node_modules/serverless-mapreduce/dist/apps/grep/job.js:1:1)';

    expect(userStack(stack, PACKAGE_ROOT).frames).toEqual([
      'at map (/opt/node_modules/serverless-mapreduce/dist/apps/grep/job.js:1:1)',
    ]);
  });

  test.each(['/var/task/', '/'])('of a function bundled in %s has only frames of the user', (root) => {
    const stack = [
      'TypeError: no',
      `    at map (${root}apps/grep/job.ts:1:2)`,
      `    at deliver (${root}src/map/map-task.ts:3:4)`,
      `    at async readPiece (${root}src/read/read-records.ts:5:6)`,
      `    at async ${root}src/formats/text/text-lines.ts:7:8`,
    ].join('\n');

    expect(userStack(stack, PACKAGE_ROOT)).toMatchObject({
      frames: [`at map (${root}apps/grep/job.ts:1:2)`],
      hidden: 3,
    });
  });

  test('is cut after ten frames', () => {
    const frames = Array.from(
      { length: 50 },
      (_, line) => `    at again (file:///home/me/job.ts:${line + 1}:1)`,
    );

    expect(userStack(['RangeError: stack', ...frames].join('\n'), PACKAGE_ROOT)).toMatchObject({
      hidden: 40,
    });
  });
});

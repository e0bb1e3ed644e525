/**
 * Formats an error for users: what happened, to which file or record, where in their own code, and how to investigate.
 * Expected errors never show the engine's own stack. An unexpected error is reported as a defect, with the full stack.
 */
import { isMapReduceError, type MapReduceError } from '../../base/errors.ts';
import { packageVersion } from '../process/package-root.ts';
import { shellWord } from './command-line.ts';
import { type Paint, printable, printableMessage, printableName } from './paint.ts';
import { tableLines } from './table.ts';
import { userStack } from './user-stack.ts';

export interface ErrorTextOptions {
  readonly paint: Paint;
  readonly packageRoot: URL;
  /** Also show the engine's own stack, and those of the causes, for expected errors. */
  readonly debug?: boolean;
  /** The job as the user typed it; used if the error does not name the job. */
  readonly job?: string;
}

/** Returns several lines; the last one ends in a newline. */
export function errorText(error: unknown, options: ErrorTextOptions): string {
  const isExpected = isMapReduceError(error) && !hidesDefect(error);
  const lines = isExpected ? expected(error, options) : defect(error, options);
  if (isExpected && options.debug) lines.push('', ...origin(error));
  return `${lines.join('\n')}\n`;
}

function expected(error: MapReduceError, options: ErrorTextOptions): string[] {
  const { paint } = options;
  if (error.name === 'CancelledError')
    return [`${paint('yellow', 'stopped:')} ${printableMessage(error.message)}`];
  const { message } = error;
  const { userStack: stack } = error.details;
  return [
    `${paint('red', 'error:')} ${printableMessage(message)}`,
    ...(stack === undefined ? [] : stackLines(stack, message, options)),
    ...factLines(error, options),
  ];
}

function stackLines(stack: string, message: string, { paint, packageRoot }: ErrorTextOptions): string[] {
  const { head, frames, hidden } = userStack(stack, packageRoot);
  const more = hidden === 1 ? '1 more frame' : `${hidden} more frames`;
  return [
    ...newIn(head, message).map((line) => `    ${printable(line)}`),
    ...frames.map((frame) => `    ${printable(frame)}`),
    ...(frames.length === 0 || hidden === 0
      ? []
      : [paint('dim', `    (${more} of the engine and of Node.js)`)]),
  ];
}

/** What the head of a stack adds to the message. For a module that does not parse, it is the line with the syntax error. */
function newIn(head: string, message: string): string[] {
  const lines = head.split('\n').filter((line) => !message.includes(line.replace(/^\w+ \[\w+\]: /, '')));
  return lines.filter((line) => line.trim() !== '');
}

/** Names the job, the task and the record, if a job had started. */
function factLines({ details }: MapReduceError, { paint, job }: ErrorTextOptions): string[] {
  const { taskId, attemptId, file, offsetBytes, record, groupKey, phase } = details;
  if (taskId === undefined && phase === undefined) return [];
  const facts: (readonly [string, string | undefined])[] = [
    ['job', details.jobName ?? job],
    ['task', attemptId === undefined ? taskId : `${taskId}, attempt ${attemptId}`],
    ['file', file],
    ['offset', file === undefined || offsetBytes === undefined ? undefined : `byte ${offsetBytes}`],
    ['record', record === undefined ? undefined : String(record)],
    ['key', groupKey],
    [
      'look',
      phase === 'map' && file !== undefined && record === undefined
        ? commandThatShows(file, offsetBytes ?? 0)
        : undefined,
    ],
  ];
  const known = facts.flatMap(([name, text]) =>
    text === undefined ? [] : [[paint('dim', name), printableName(text)]],
  );
  return ['', ...tableLines(known, ['left', 'left']).map((line) => `  ${line}`)];
}

/** A shell command that prints the record, for uncompressed input that consists of lines. */
function commandThatShows(file: string, offsetBytes: number): string | undefined {
  if (/\.(gz|gzip|zst|zstd)$/i.test(file)) return undefined;
  return `tail -c +${offsetBytes + 1} ${shellWord(file)} | head -n 1`;
}

/** Errors that only a bug in code causes, never the operating system. */
const MISTAKES = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError'];

/** Whether the error only wraps a defect of the engine, such as a TypeError. */
function hidesDefect(error: MapReduceError): boolean {
  const { cause } = error;
  if (!(cause instanceof Error)) return false;
  switch (error.name) {
    case 'TaskFailedError':
      return isMapReduceError(cause) ? hidesDefect(cause) : true;
    case 'StorageError':
      return isMapReduceError(cause) ? hidesDefect(cause) : MISTAKES.includes(cause.name);
    default:
      return false;
  }
}

function defect(error: unknown, { paint }: ErrorTextOptions): string[] {
  return [
    `${paint('red', 'error:')} ${printableMessage(error instanceof Error ? error.message : String(error))}`,
    paint('bold', 'This is a defect of mapreduce, not of your job. Please report it, with all that follows:'),
    ...origin(error),
  ];
}

function origin(error: unknown): string[] {
  return [
    ...stacksOf(error).flatMap((stack) => stack.split('\n').map((line) => `    ${printable(line)}`)),
    `    mapreduce ${packageVersion()}, Node.js ${process.version}, ${process.platform} ${process.arch}`,
  ];
}

/** The error and its causes, outermost first. */
function stacksOf(error: unknown): string[] {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error && stacks.length < 5; at = at.cause) {
    stacks.push(`${stacks.length === 0 ? '' : 'caused by '}${at.stack ?? at.message}`);
  }
  return stacks;
}

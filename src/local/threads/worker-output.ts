/**
 * Forwards what user code prints in a worker (console.log, process.stderr.write) to the process's own streams. It forwards
 * whole lines, so that lines of several workers never mix. An unfinished line waits for its end until it gets too long.
 */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { KiB } from '../../base/limits.ts';

const UNFINISHED_LINE_CHARS_MAX = 64 * KiB;

export interface WorkerOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly worker: number;
  /** Whole lines including their line ends. Only the last line of a worker, or a very long line, may be incomplete. */
  readonly text: string;
}

export function printOutput({ stream, text }: WorkerOutput): void {
  process[stream].write(text);
}

/** Calls `onLines` with the text of the stream, whole lines at a time. */
export function forwardLines(from: Readable, onLines: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let unfinished = '';
  from.on('data', (chunk: Buffer) => {
    unfinished += decoder.write(chunk);
    const end =
      unfinished.length > UNFINISHED_LINE_CHARS_MAX ? unfinished.length : unfinished.lastIndexOf('\n') + 1;
    if (end === 0) return;
    const whole = unfinished.slice(0, end);
    unfinished = unfinished.slice(end);
    onLines(whole);
  });
  from.on('end', () => {
    const rest = unfinished + decoder.end();
    if (rest !== '') onLines(rest);
  });
}

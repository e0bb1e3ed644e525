/**
 * What user code prints in a worker (console.log, process.stderr.write) reaches the process's own stream in whole
 * lines, so that lines of several workers never mix. An unfinished line waits for its end, but not for ever.
 */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { KiB } from '../../base/limits.ts';

const UNFINISHED_LINE_CHARS_MAX = 64 * KiB;

export interface WorkerOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly worker: number;
  /** Whole lines, their ends included; only the last that a worker writes may lack one. */
  readonly text: string;
}

export function printOutput({ stream, text }: WorkerOutput): void {
  process[stream].write(text);
}

/** Hands on what the stream brings, line by line. */
export function forwardLines(from: Readable, hand: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let unfinished = '';
  from.on('data', (chunk: Buffer) => {
    unfinished += decoder.write(chunk);
    const end =
      unfinished.length > UNFINISHED_LINE_CHARS_MAX ? unfinished.length : unfinished.lastIndexOf('\n') + 1;
    if (end === 0) return;
    const whole = unfinished.slice(0, end);
    unfinished = unfinished.slice(end);
    hand(whole);
  });
  from.on('end', () => {
    const rest = unfinished + decoder.end();
    if (rest !== '') hand(rest);
  });
}

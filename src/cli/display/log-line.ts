/** A line of a log as text for people. The functions' logger and the state machine write JSON. */

import { fieldOf, textFieldOf } from '../../base/field-of.ts';
import { formatDuration } from '../../base/quantities.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { type Paint, printable } from './paint.ts';

/**
 * The job's own code can log anything, so a field counts only if it has the type that the logger writes.
 *
 * @param at  when it was logged, in milliseconds; used if the line itself does not say
 */
export function shownLine(message: string, paint: Paint, at?: number): string {
  const record = parsed(message);
  const time = timeOf(record, at);
  if (fieldOf(record, 'execution_arn') !== undefined) {
    const names = [textFieldOf(record, 'type'), textFieldOf(fieldOf(record, 'details'), 'name')];
    return `${time}${paint('dim', 'STATE')}  ${printable(names.filter(Boolean).join(' '))}`;
  }
  const [level, text] = [textFieldOf(record, 'level'), textFieldOf(record, 'message')];
  if (level === undefined || text === undefined) return `${time}${printable(message)}`;
  const task = wordOf(record, 'task');
  const [retry, round] = [wordOf(record, 'retry'), wordOf(record, 'round')];
  const where = [
    wordOf(record, 'step') ?? '',
    ...(task === undefined ? [] : [`task ${task}`]),
    ...(retry === undefined || retry === '0' ? [] : [`retry ${retry}`]),
    ...(round === undefined || round === '0' ? [] : [`round ${round}`]),
  ].join(' ');
  const style = level === 'INFO' ? 'dim' : level === 'WARN' ? 'yellow' : 'red';
  // A step logs the error it failed with as `failure`; the logger logs an Error passed to it as `error`.
  const why = textFieldOf(fieldOf(record, 'failure') ?? fieldOf(record, 'error'), 'message');
  const elapsedMs = fieldOf(record, 'elapsedMs');
  const took = typeof elapsedMs === 'number' ? ` after ${formatDuration(elapsedMs)}` : '';
  return `${time}${paint(style, printable(level).padEnd(5))}  ${printable(`${where}: ${text}${took}`)}${why === undefined ? '' : `: ${printable(why)}`}`;
}

/** A text or a number as text; undefined for anything else. */
function wordOf(record: unknown, name: string): string | undefined {
  const value = fieldOf(record, name);
  return typeof value === 'number' ? String(value) : typeof value === 'string' ? value : undefined;
}

function timeOf(record: unknown, at: number | undefined): string {
  const ms = at ?? Date.parse(textFieldOf(record, 'timestamp') ?? '');
  return Number.isNaN(ms) ? '' : `${new Date(ms).toISOString().slice(11, 23)}  `;
}

/** Returns undefined for a line that is not JSON. */
function parsed(message: string): unknown {
  try {
    return parseJson(message);
  } catch {
    return undefined;
  }
}

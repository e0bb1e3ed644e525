/** A line of a log as text for people. The functions' logger and the state machine write JSON. */

import { textFieldOf } from '../../base/field-of.ts';
import { formatDuration } from '../../base/quantities.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { type Paint, printable } from './paint.ts';

/** @param at  when it was logged, in milliseconds; used if the line itself does not say */
export function shownLine(message: string, paint: Paint, at?: number): string {
  const record = parsed(message);
  const time = timeOf(record, at);
  if (record?.execution_arn !== undefined) {
    const state = textFieldOf(record.details, 'name');
    return `${time}${paint('dim', 'STATE')}  ${printable([record.type, state].filter(Boolean).join(' '))}`;
  }
  if (typeof record?.message !== 'string') return `${time}${printable(message)}`;
  const { level, message: text, step, task, retry, round, elapsedMs } = record;
  const where = [
    step,
    ...(task === undefined ? [] : [`task ${task}`]),
    ...(retry ? [`retry ${retry}`] : []),
    ...(round ? [`round ${round}`] : []),
  ].join(' ');
  const style = level === 'INFO' ? 'dim' : level === 'WARN' ? 'yellow' : 'red';
  // A step logs the error it failed with as `failure`; the logger logs an Error passed to it as `error`.
  const why = textFieldOf(record.failure ?? record.error, 'message');
  const took = typeof elapsedMs === 'number' ? ` after ${formatDuration(elapsedMs)}` : '';
  return `${time}${paint(style, String(level).padEnd(5))}  ${printable(`${where}: ${text}${took}`)}${why === undefined ? '' : `: ${printable(why)}`}`;
}

function timeOf(record: Record<string, unknown> | undefined, at: number | undefined): string {
  const ms = at ?? Date.parse(String(record?.timestamp));
  return Number.isNaN(ms) ? '' : `${new Date(ms).toISOString().slice(11, 23)}  `;
}

function parsed(message: string): Record<string, unknown> | undefined {
  try {
    const record: unknown = parseJson(message);
    return typeof record === 'object' && record !== null ? { ...record } : undefined;
  } catch {
    return undefined;
  }
}

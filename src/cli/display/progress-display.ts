/**
 * Draws the progress on stderr while a job runs: in place on a terminal, at most one line a second elsewhere. What user
 * code prints meanwhile goes between, never through it.
 */
import type { JobEvent } from '../../report/report.ts';
import { paintFor } from './paint.ts';
import { liveLines, plainLine } from './progress-lines.ts';
import { afterEvent, NOTHING_YET } from './progress-state.ts';
import { writeToStderr } from './standard-streams.ts';

export interface ProgressDisplay {
  readonly onEvent: (event: JobEvent) => void;
  /** Writes text of others to stderr. */
  readonly print: (text: string) => void;
  /** Takes away what was drawn in place. Called once, however the job ended. */
  readonly end: () => void;
}

export interface DisplayOptions {
  readonly stream: NodeJS.WriteStream;
  readonly jobName: string;
  readonly isQuiet: boolean;
  readonly nowMs: () => number;
}

export function progressDisplay(options: DisplayOptions): ProgressDisplay {
  const { stream, isQuiet } = options;
  if (isQuiet) return { onEvent: () => {}, print: (text) => writeToStderr(text, stream), end: () => {} };
  return canDrawInPlace(stream) ? liveDisplay(options) : plainDisplay(options);
}

function canDrawInPlace({ isTTY, columns, rows }: NodeJS.WriteStream): boolean {
  // Of a terminal without a size (a script's, a container's) nobody knows how it shows things.
  return isTTY && process.env.TERM !== 'dumb' && columns >= COLUMNS_MIN && rows >= ROWS_MIN;
}

const COLUMNS_MIN = 40;
const ROWS_MIN = 5;
const DRAW_INTERVAL_MS = 100;
/** A job that is done by then needs no display, and not the time that loading one takes. */
const DRAW_AFTER_MS = 300;
const LINE_INTERVAL_MS = 1_000;

function liveDisplay({ stream, jobName, nowMs }: DisplayOptions): ProgressDisplay {
  const paint = paintFor(stream);
  const startedMs = nowMs();
  let state = NOTHING_YET;
  let drawing: { update: (text: string) => void; clear: () => void } | undefined;
  let hasEnded = false;
  const draw = async () => {
    if (nowMs() - startedMs < DRAW_AFTER_MS) return;
    if (drawing === undefined) {
      const { createLogUpdate } = await import('log-update');
      const update = createLogUpdate(stream, { showCursor: true });
      drawing ??= { update, clear: () => update.clear() };
    }
    if (hasEnded) return;
    const lines = liveLines(state, {
      jobName,
      elapsedMs: nowMs() - startedMs,
      columns: stream.columns,
      paint,
    });
    drawing.update(lines.join('\n'));
  };
  // What keeps the process alive is the job, not its display.
  const timer = setInterval(draw, DRAW_INTERVAL_MS).unref();
  return {
    onEvent: (event) => {
      state = afterEvent(state, event);
    },
    print: (text) => {
      drawing?.clear();
      writeToStderr(text, stream);
    },
    end: () => {
      hasEnded = true;
      clearInterval(timer);
      drawing?.clear();
    },
  };
}

function plainDisplay({ stream, jobName, nowMs }: DisplayOptions): ProgressDisplay {
  const startedMs = nowMs();
  let state = NOTHING_YET;
  let lineAtMs = startedMs + LINE_INTERVAL_MS;
  return {
    onEvent: (event) => {
      state = afterEvent(state, event);
      // Between stages there is nothing to tell that the next line would not.
      if (event.kind !== 'progress' || nowMs() < lineAtMs) return;
      lineAtMs = nowMs() + LINE_INTERVAL_MS;
      writeToStderr(`${plainLine(state, { jobName, elapsedMs: nowMs() - startedMs })}\n`, stream);
    },
    print: (text) => writeToStderr(text, stream),
    end: () => {},
  };
}

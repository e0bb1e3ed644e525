/**
 * Draws the progress on stderr while a job runs: in place on a terminal, at most one line a second elsewhere. What user
 * code prints appears between the drawings.
 */
import type { JobEvent } from '../../report/report.ts';
import { paintFor } from './paint.ts';
import { liveLines, plainLine } from './progress-lines.ts';
import { afterEvent, NOTHING_YET } from './progress-state.ts';
import { writeToStderr } from './standard-streams.ts';

export interface ProgressDisplay {
  readonly onEvent: (event: JobEvent) => void;
  /** Writes other text to stderr. */
  readonly print: (text: string) => void;
  /** Removes what was drawn in place. May be called more than once. */
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
  // A terminal without a size (in a script or container) may not support drawing in place.
  return isTTY && process.env.TERM !== 'dumb' && columns >= COLUMNS_MIN && rows >= ROWS_MIN;
}

const COLUMNS_MIN = 40;
const ROWS_MIN = 5;
const DRAW_INTERVAL_MS = 100;
/** Nothing is drawn before this delay, because a job that ends sooner needs no display. */
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
  // Only the job keeps the process alive; the display's timer does not.
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
      // Nothing is printed between stages: the next line shows the same news.
      if (event.kind !== 'progress' || nowMs() < lineAtMs) return;
      lineAtMs = nowMs() + LINE_INTERVAL_MS;
      writeToStderr(`${plainLine(state, { jobName, elapsedMs: nowMs() - startedMs })}\n`, stream);
    },
    print: (text) => writeToStderr(text, stream),
    end: () => {},
  };
}

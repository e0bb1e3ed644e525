/**
 * When each stage ran, as bars over the job's time:
 *
 *     plan     ████                                   claims the output, lists the input and cuts it into splits
 *     map          ███████████████
 *     reduce                      ██████████
 *     commit                                ███       merges the parts, writes the manifest
 */
import { formatDuration } from '../../base/quantities.ts';
import type { JobReport } from '../report.ts';
import { type Html, html } from './html.ts';

const WIDTH = 1_000;
const NAME_WIDTH = 90;
const ROW_HEIGHT = 30;
const BAR_HEIGHT = 18;
/** The width of the text beside a bar. It stands to the left of a bar that leaves less room to its right. */
const TEXT_WIDTH = 110;

interface Bar {
  readonly name: string;
  readonly style: 'map' | 'reduce' | 'rest';
  readonly startMs: number;
  readonly endMs: number;
}

export function timeline(report: JobReport): Html {
  const bars = barsOf(report);
  const height = bars.length * ROW_HEIGHT + 24;
  const scale = (ms: number) => round(NAME_WIDTH + (ms / Math.max(1, report.wallMs)) * (WIDTH - NAME_WIDTH));
  const summary = bars
    .map(({ name, startMs, endMs }) => `${name} from ${formatDuration(startMs)} to ${formatDuration(endMs)}`)
    .join('; ');
  const bottom = bars.length * ROW_HEIGHT;
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${summary}">
${bars.map((bar, row) => drawn(bar, row, scale))}
<line class="axis" x1="${NAME_WIDTH}" y1="${bottom}" x2="${WIDTH}" y2="${bottom}"/>
<text x="${NAME_WIDTH}" y="${bottom + 18}">0</text>
<text x="${WIDTH}" y="${bottom + 18}" text-anchor="end">${formatDuration(report.wallMs)}</text>
</svg>`;
}

function drawn({ name, style, startMs, endMs }: Bar, row: number, scale: (ms: number) => number): Html {
  const y = row * ROW_HEIGHT + 4;
  const [left, right] = [scale(startMs), scale(endMs)];
  const isTextRight = WIDTH - right >= TEXT_WIDTH || left - NAME_WIDTH < TEXT_WIDTH;
  const isTextOver = isTextRight && WIDTH - right < TEXT_WIDTH;
  const x = isTextOver ? left + 6 : isTextRight ? right + 6 : left - 6;
  return html`<text x="0" y="${y + 14}">${name}</text>
<rect class="${style}" x="${left}" y="${y}" width="${Math.max(2, round(right - left))}" height="${BAR_HEIGHT}"${isTextOver ? OPAQUE : SOLID}/>
<text x="${x}" y="${y + 14}"${isTextRight ? START : END}>${formatDuration(endMs - startMs)}</text>
`;
}

const SOLID = html``;
/** For a bar behind its text. */
const OPAQUE = html` fill-opacity="0.45"`;
const START = html``;
const END = html` text-anchor="end"`;

/** In reports without the starts of stages, the stages are assumed to fill the end of the job, one after the other. */
function barsOf({ stages, wallMs }: JobReport): Bar[] {
  const staged = stages.reduce((sum, stage) => sum + stage.wallMs, 0);
  let at = Math.max(0, wallMs - staged);
  const bars = stages.map(({ stage, wallMs: stageMs, startMs = at }): Bar => {
    const endMs = Math.min(wallMs, startMs + stageMs);
    at = endMs;
    return { name: stage, style: stage, startMs: Math.min(startMs, endMs), endMs };
  });
  const before = bars[0]?.startMs ?? wallMs;
  return [
    { name: 'plan', style: 'rest', startMs: 0, endMs: before },
    ...bars,
    { name: 'commit', style: 'rest', startMs: Math.min(at, wallMs), endMs: wallMs },
  ];
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

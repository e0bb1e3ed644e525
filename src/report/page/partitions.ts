/** How evenly the keys are distributed over the reduce tasks: a bar for the records of each partition, and key figures. */
import { taskId } from '../../base/ids.ts';
import { formatCount, formatCountOf } from '../../base/quantities.ts';
import { type Html, html } from './html.ts';

/** If there are more partitions, each bar shows the largest of several. */
const BARS_MAX = 100;
const WIDTH = 1_000;
const HEIGHT = 160;

export function partitions(records: readonly number[]): Html {
  const total = records.reduce((sum, count) => sum + count, 0);
  const mean = total / records.length;
  const largest = records.reduce((best, count, index) => (count > records[best]! ? index : best), 0);
  const most = records[largest]!;
  const empty = records.filter((count) => count === 0).length;
  const perBar = Math.ceil(records.length / BARS_MAX);
  const bars = Array.from({ length: Math.ceil(records.length / perBar) }, (_, bar) =>
    Math.max(...records.slice(bar * perBar, (bar + 1) * perBar)),
  );
  const summary = [
    `${formatCountOf(records.length, 'partition')}, ${formatCount(Math.round(mean))} records on average`,
    `the largest, of ${taskId('reduce', largest)}, has ${formatCount(most)}${mean === 0 ? '' : `, ${(most / mean).toFixed(2)} times the mean`}`,
    ...(empty === 0 ? [] : [`${formatCount(empty)} empty`]),
  ].join('; ');
  const meanY = tenths(HEIGHT - scaled(mean, most));
  return html`<p>${summary}.</p>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${summary}">
${bars.map((count, bar) => column(count, { bar, bars: bars.length, most }))}
<line class="mean" x1="0" y1="${meanY}" x2="${WIDTH}" y2="${meanY}"/>
</svg>
<p class="dim">${perBar === 1 ? 'Each bar is one partition' : `Each bar is the largest of ${perBar} partitions`}; the dashed line is the mean.</p>`;
}

function column(count: number, { bar, bars, most }: { bar: number; bars: number; most: number }): Html {
  const width = WIDTH / bars;
  const height = scaled(count, most);
  return html`<rect class="reduce" x="${tenths(bar * width)}" y="${tenths(HEIGHT - height)}" width="${tenths(Math.max(1, Math.min(60, width * 0.8)))}" height="${height}"/>
`;
}

function scaled(count: number, most: number): number {
  return most === 0 ? 0 : tenths((count / most) * (HEIGHT - 4));
}

function tenths(number: number): number {
  return Math.round(number * 10) / 10;
}

// Draws line charts as SVG: reads them from stdin as JSON (Chart[] of bench/model/curves.ts), prints the SVGs as a JSON array.
import { text } from 'node:stream/consumers';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const { document } = parseHTML('<!doctype html><html><body></body></html>');
const COLORS = { 'word count': '#1f6fb4', sort: '#c2410c' };
/** In attributes, not in labels such as $0.001. */
const DECIMAL = /(?<![$\d.])-?\d+\.\d{2,}/g;

function draw({ title, unit, description, xTicks, yTicks, lines }) {
  const points = lines.flatMap(({ job, build, points: of }) =>
    of.map(([x, y]) => ({ x, y, job, build, line: `${job} ${build}` })),
  );
  const now = points.filter(({ build }) => build === 'now');
  const channels = { x: 'x', y: 'y', z: 'line', stroke: 'job' };
  const svg = Plot.plot({
    document,
    width: 680,
    height: 300,
    marginLeft: 75,
    marginRight: 80,
    marginTop: 30,
    insetBottom: 8,
    style: { background: 'white', color: '#222', fontFamily: 'system-ui, sans-serif', fontSize: '12px' },
    x: { ...logAxis(xTicks), label: null },
    y: { ...logAxis(yTicks), label: unit, grid: true },
    color: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
    marks: [
      Plot.line(
        points.filter(({ build }) => build !== 'now'),
        { ...channels, strokeDasharray: '3 4', strokeWidth: 1.2 },
      ),
      Plot.line(now, { ...channels, strokeWidth: 2 }),
      // The lines may end at the same point.
      ...Object.keys(COLORS).map((name, index) =>
        Plot.text(
          now.filter(({ job }) => job === name),
          Plot.selectLast({
            x: 'x',
            y: 'y',
            text: 'job',
            fill: 'job',
            textAnchor: 'start',
            dx: 5,
            dy: 7 - 14 * index,
          }),
        ),
      ),
    ],
  });
  // Its rules are for pages that show the chart inline.
  svg.querySelector('style').remove();
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('role', 'img');
  for (const [name, content] of [
    ['desc', description],
    ['title', title],
  ]) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    element.textContent = content;
    svg.prepend(element);
  }
  return svg.outerHTML;
}

/** Plot's own logarithmic scale hides the labels of some ticks. */
function logAxis(ticks) {
  const positions = ticks.map(([value]) => Math.log10(value));
  const labels = new Map(ticks.map(([, label], index) => [positions[index], label]));
  return {
    transform: Math.log10,
    domain: [positions[0], positions.at(-1)],
    ticks: positions,
    tickFormat: (position) => labels.get(position),
  };
}

/** Tenths of a pixel are enough. The description has figures that must stay as they are. */
function shortened(svg) {
  return svg
    .split(/(<desc>.*?<\/desc>)/s)
    .map((part) =>
      part.startsWith('<desc>')
        ? part
        : part.replace(DECIMAL, (number) => String(Number(Number(number).toFixed(1)))),
    )
    .join('');
}

const charts = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(charts.map((chart) => shortened(draw(chart)))));

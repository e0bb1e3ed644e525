/** How reports show what was expected of a job beside what it needed. */
import { formatCount, formatSeconds } from '../base/quantities.ts';
import type { EstimateReport, JobEstimate, Spread } from './estimate.ts';

export function estimateFacts({ planned, afterMap, actual }: EstimateReport): [name: string, text: string][] {
  const { writes, reads, seconds, gbSeconds } = actual;
  const later = (figure: (estimate: JobEstimate) => Spread) =>
    afterMap === undefined ? '' : `, after the map stage ${formatCount(Math.round(figure(afterMap).likely))}`;
  const requests = (estimate: JobEstimate) => sumOfSpreads(allWrites(estimate), allReads(estimate));
  const ofTasks = (estimate: JobEstimate) => sumOfSpreads(...estimate.stages.map((stage) => stage.gbSeconds));
  return [
    ['time', `${formatSeconds(seconds * 1000)}, estimated ${rangeText(planned.seconds, secondsText)}`],
    [
      'requests',
      `${formatCount(Math.round(writes + reads))}, estimated ${rangeText(requests(planned), countText)}${later(requests)}`,
    ],
    [
      'GB-seconds',
      `${formatCount(Math.ceil(gbSeconds))} of tasks, estimated ${rangeText(ofTasks(planned), (value) => formatCount(Math.ceil(value)))}`,
    ],
  ];
}

export function allWrites({ requests, requestsByTime }: JobEstimate): Spread {
  return sumOfSpreads(requests.writes, requestsByTime.writes);
}

export function allReads({ requests, requestsByTime }: JobEstimate): Spread {
  return sumOfSpreads(requests.reads, requestsByTime.reads);
}

export function sumOfSpreads(...spreads: readonly Spread[]): Spread {
  const total = (level: keyof Spread) => spreads.reduce((sum, spread) => sum + spread[level], 0);
  return { low: total('low'), likely: total('likely'), high: total('high') };
}

/** `30 s (20 s to 1 min 5 s)`, or only `30 s` if the figure is exact. */
export function rangeText({ low, likely, high }: Spread, text: (value: number) => string): string {
  const [least, most] = [Math.min(low, likely, high), Math.max(low, likely, high)];
  return text(least) === text(most) ? text(likely) : `${text(likely)} (${text(least)} to ${text(most)})`;
}

export function secondsText(seconds: number): string {
  return formatSeconds(seconds * 1000);
}

export function countText(count: number): string {
  return formatCount(Math.round(count));
}

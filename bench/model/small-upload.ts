/** How long a small upload waits for its result, and for what. */
import { type Constants, constantsAt, withConstant } from '../../src/aws/model/constants.ts';
import { formatTable } from '../table.ts';
import { type Modelled, model } from './point.ts';
import { NOW } from './settings.ts';
import { WORD_COUNT } from './workloads.ts';

const UPLOAD_BYTES = 50e3;
/** Plan, map, map barrier, reduce, reduce barrier, commit. */
const FUNCTIONS = 6;
/** As low as the range of the constant goes. */
const SMALL_INIT_MS = constantsAt('low').Lambda.initMs;

const COLD = constantsAt('likely');
/** Each function has an idle environment, from a job a few minutes ago. */
const WARM = withConstant(COLD, 'Lambda', { initMs: 0, placementMs: 0 });

export function smallUpload({ warm }: { warm: boolean }): Modelled {
  return modelled(warm ? WARM : COLD);
}

function modelled(constants: Constants): Modelled {
  const options = { workload: WORD_COUNT, settings: NOW, inputBytes: UPLOAD_BYTES } as const;
  return model({ ...options, startedBy: 'upload', constants });
}

function secondsOf(constants: Constants): number {
  return modelled(constants).evaluation.successSeconds;
}

const NO_S3_LATENCY = {
  getFirstByteMsMedian: 0,
  putMsMedian: 0,
  listMsMedian: 0,
  headMsMedian: 0,
  completeMsMedian: 0,
} as const;

/** What the time would be without each part, subtracted from what it is: the parts follow one another. */
const PARTS: readonly (readonly [name: string, without: (constants: Constants) => Constants])[] = [
  ['until the event starts the job', (all) => withConstant(all, 'EventBridge', { deliveryMs: 0 })],
  [
    `starts of ${FUNCTIONS} functions: placement and INIT`,
    (all) => withConstant(all, 'Lambda', { initMs: 0, placementMs: 0 }),
  ],
  ['requests to S3 that follow one another', (all) => withConstant(all, 'S3', NO_S3_LATENCY)],
  ['states of Step Functions', (all) => withConstant(all, 'Step Functions', { transitionMs: 0 })],
  ['invocations', (all) => withConstant(all, 'Lambda', { warmInvokeMs: 0 })],
];

/** None of them is built. A function that is called again a moment later has an environment already. */
const CHANGES: readonly (readonly [name: string, starts: number, initMs: number])[] = [
  ['with plan, barriers and commit in one function', 3, COLD.Lambda.initMs],
  ['also with map and reduce in one function', 2, COLD.Lambda.initMs],
  [`also with an INIT of ${SMALL_INIT_MS} ms`, 2, SMALL_INIT_MS],
];

export function describeSmallUpload(): string {
  const text = (seconds: number) => `${seconds.toFixed(1)} s`;
  const [cold, warm] = [secondsOf(COLD), secondsOf(WARM)];
  const startSeconds = (starts: number, initMs: number) =>
    (starts * (COLD.Lambda.placementMs + initMs)) / 1000;
  return formatTable(
    ['upload of 50 kB, from its end to _SUCCESS', 'cold', 'warm'],
    [
      ...PARTS.map(([name, without]) => [
        name,
        text(cold - secondsOf(without(COLD))),
        text(warm - secondsOf(without(WARM))),
      ]),
      ['together', text(cold), text(warm)],
      ...CHANGES.map(([name, starts, initMs]) => [
        name,
        text(warm + startSeconds(starts, initMs)),
        text(warm),
      ]),
    ],
  );
}

/** How long a small upload waits for its result, and for what. */
import { type Constants, constantsAt, withConstant } from '../../src/aws/model/constants.ts';
import { ENGINE } from '../../src/aws/model/point.ts';
import { WOKEN_FUNCTIONS } from '../../src/aws/protocol/wake.ts';
import { formatTable } from '../table.ts';
import { type Modelled, model } from './point.ts';
import { NOW, type Settings } from './settings.ts';
import { WORD_COUNT } from './workloads.ts';

export const UPLOAD_BYTES = 50e3;

const COLD = constantsAt('likely');
/** Each function has an idle environment, from a job a few minutes ago. */
const WARM = withConstant(COLD, 'Lambda', { initMs: 0, placementMs: 0 });
const WITHOUT_WAKES: Settings = { ...NOW, ways: { ...ENGINE, wakes: false } };

export function smallUpload({ warm }: { warm: boolean }): Modelled {
  return modelled(warm ? WARM : COLD);
}

function modelled(constants: Constants, settings = NOW): Modelled {
  const options = { workload: WORD_COUNT, settings, inputBytes: UPLOAD_BYTES } as const;
  // An uploaded object is looked up by its key.
  return model({ ...options, startedBy: 'upload', inputNames: { prefixes: 0, keys: 1 }, constants });
}

function secondsOf(constants: Constants, settings = NOW): number {
  return modelled(constants, settings).evaluation.successSeconds;
}

const NO_S3_LATENCY = {
  getFirstByteMsMedian: 0,
  putMsMedian: 0,
  listMsMedian: 0,
  headMsMedian: 0,
  completeMsMedian: 0,
} as const;

/** What the time becomes without each part and those above it: the starts hide behind the requests of the plan, or these behind them. */
const PARTS: readonly (readonly [name: string, without: (constants: Constants) => Constants])[] = [
  ['until the event starts the job', (all) => withConstant(all, 'EventBridge', { deliveryMs: 0 })],
  [
    'starts of functions: placement and INIT, without what the plan hides',
    (all) => withConstant(all, 'Lambda', { initMs: 0, placementMs: 0 }),
  ],
  ['requests to S3 that follow one another', (all) => withConstant(all, 'S3', NO_S3_LATENCY)],
  ['states of Step Functions', (all) => withConstant(all, 'Step Functions', { transitionMs: 0 })],
  ['invocations', (all) => withConstant(all, 'Lambda', { warmInvokeMs: 0 })],
];

export function describeSmallUpload(): string {
  const text = (seconds: number) => `${seconds.toFixed(1)} s`;
  const columns = [partsOf(COLD), partsOf(WARM)];
  return formatTable(
    ['upload of 50 kB, from its end to _SUCCESS', 'cold', 'warm'],
    [
      ...PARTS.map(([name], part) => [name, ...columns.map((parts) => text(parts[part]!))]),
      ['together', text(secondsOf(COLD)), text(secondsOf(WARM))],
      [
        `if the plan function did not wake the ${WOKEN_FUNCTIONS.length} others`,
        text(secondsOf(COLD, WITHOUT_WAKES)),
        text(secondsOf(WARM, WITHOUT_WAKES)),
      ],
    ],
  );
}

function partsOf(constants: Constants): number[] {
  let left = constants;
  return PARTS.map(([, without]) => {
    const before = secondsOf(left);
    left = without(left);
    return before - secondsOf(left);
  });
}

/**
 * What AWS charges, in US dollars, by region: list prices of the first tier, free tiers left out. Check before quoting.
 *
 * Sources: AWS's price list of S3 for each region, on the date given with it; the price data of AWS's calculator for
 * Lambda on arm64; the table on the pricing page of Step Functions. They were read from public copies, not from a bill.
 * Only the S3 prices differ between these regions; EXPRESS costs the same in all of them. The price of /tmp is that of
 * Lambda's price list of us-east-2 of 2026-08-21, which is also us-east-1's; it is assumed for the other regions. The table omits regions for
 * which some or all prices have not been looked up.
 */

export interface Prices {
  readonly region: string;
  /** Date of the S3 price list. */
  readonly asOf: string;
  /** Lambda on arm64. */
  readonly gbSecond: number;
  readonly invocation: number;
  /** Of the /tmp of a function above what is free (LAMBDA_FACTS.scratchFreeBytes), by its time, whatever it uses. */
  readonly scratchGbSecond: number;
  /** Per transition of a STANDARD execution; the start of a child of a Distributed Map is one. */
  readonly transition: number;
  readonly expressExecution: number;
  /** Per GB-second of an EXPRESS execution, whose memory is rounded up to a multiple of 64 MB. */
  readonly expressGbSecond: number;
  /** PUT, COPY, POST and LIST. */
  readonly s3Write: number;
  readonly s3Read: number;
}

const COMMON = {
  gbSecond: 0.000_013_333_4,
  invocation: 0.2 / 1e6,
  scratchGbSecond: 0.000_000_030_9,
  transition: 0.025 / 1e3,
  expressExecution: 1 / 1e6,
  expressGbSecond: 0.000_016_67,
} as const;

/**
 * What a deployment costs while no job runs, and what the estimate of a job leaves out, in dollars. Sources: the pricing
 * pages of CloudWatch, KMS, EventBridge and X-Ray, read 2026-11-30 from public copies; us-east-1.
 */
export const IDLE_PRICES = {
  /** A month. An account has three for free. */
  dashboard: 3,
  dashboardsFree: 3,
  /** A month. An account has ten for free. */
  alarm: 0.1,
  alarmsFree: 10,
  /** A month, only with a key of the user's own; and for each of its uses. S3 with bucket keys makes few. */
  kmsKey: 1,
  kmsRequest: 0.03 / 1e4,
  /** Each event that S3 sends to EventBridge: every object created in the bucket is one, not only those that start jobs. */
  eventBridgeEvent: 1 / 1e6,
  /** Per GB: CloudWatch Logs, and per trace: X-Ray. */
  logsGb: 0.5,
  trace: 5 / 1e6,
} as const;

export const REGION_DEFAULT = 'us-east-1';

/** Dollars for 1,000 requests. */
const S3_BY_REGION: readonly [region: string, asOf: string, writes: number, reads: number][] = [
  [REGION_DEFAULT, '2026-07-01', 0.005, 0.000_4],
  ['us-east-2', '2026-07-23', 0.005, 0.000_4],
  ['us-west-2', '2026-09-18', 0.005, 0.000_4],
  ['eu-west-1', '2026-09-06', 0.005, 0.000_4],
  ['eu-central-1', '2026-08-31', 0.005_4, 0.000_43],
  ['ap-southeast-1', '2026-08-12', 0.005, 0.000_4],
  ['ap-northeast-1', '2026-09-28', 0.004_7, 0.000_37],
];

const BY_REGION: ReadonlyMap<string, Prices> = new Map(
  S3_BY_REGION.map(([region, asOf, writes, reads]) => [
    region,
    { ...COMMON, region, asOf, s3Write: writes / 1e3, s3Read: reads / 1e3 },
  ]),
);

/** The regions of the table. */
export const PRICED_REGIONS: readonly string[] = [...BY_REGION.keys()];

/** For a region that is not in the table, the prices of us-east-1: the estimate names the region of its prices. */
export function pricesOf(region: string): Prices {
  return BY_REGION.get(region) ?? BY_REGION.get(REGION_DEFAULT)!;
}

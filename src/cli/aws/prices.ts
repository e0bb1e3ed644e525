/** What AWS charges, in US dollars, by region and as noted on a day: check before quoting. Free tiers are left out. */

export interface Prices {
  readonly region: string;
  /** When they were noted. */
  readonly asOf: string;
  /** Lambda on arm64. */
  readonly gbSecond: number;
  readonly invocation: number;
  /** Of STANDARD executions; the start of a child of a Distributed Map is one. */
  readonly transition: number;
  readonly expressExecution: number;
  /** Of EXPRESS executions, by memory of 64 MB. */
  readonly expressGbSecond: number;
  /** PUT, COPY, POST and LIST. */
  readonly s3Write: number;
  readonly s3Read: number;
}

const US_EAST_1: Prices = {
  region: 'us-east-1',
  asOf: '2026-11-22',
  gbSecond: 0.000_013_333_4,
  invocation: 0.2 / 1e6,
  transition: 0.025 / 1e3,
  expressExecution: 1 / 1e6,
  expressGbSecond: 0.000_016_67,
  s3Write: 0.005 / 1e3,
  s3Read: 0.000_4 / 1e3,
};

const BY_REGION: ReadonlyMap<string, Prices> = new Map([[US_EAST_1.region, US_EAST_1]]);

/** Of a region that the table does not have, those of us-east-1: the estimate says whose they are. */
export function pricesOf(region: string): Prices {
  return BY_REGION.get(region) ?? US_EAST_1;
}

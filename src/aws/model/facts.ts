/**
 * What AWS does, as figures: rates, quotas, delays and speeds that a model or a simulation of it needs. Each figure has its
 * source and the date on which it was read or measured. Prices are in prices.ts.
 *
 * No figure was measured by this project on AWS. Most come from AWS's pages, some from papers. `ASSUMED` marks those for which
 * no source was found: they have a range, and the model shows how much each of them matters (sensitivity.ts).
 *
 * The rates of S3's guide, the quotas of Step Functions, and Lambda's concurrency, time limit, payload and scaling rate have
 * been compared with copies of whole pages, not all of the newest. Of the papers and blogs, only excerpts were read.
 */

/** One figure. `low` and `high` are there if it varies, or if sources disagree: low is the good case for whoever waits. */
export interface Fact {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  readonly source: string;
  /** When the source was read, or the measurement made: `2026-11-30`. */
  readonly asOf: string;
}

/** AWS's pages, read from public copies. */
const S3_GUIDE = 'S3 User Guide, "Best practices design patterns: optimizing Amazon S3 performance"';
const S3_LIMITS_PAGE = 'S3 User Guide, "Multipart upload limits"';
const LAMBDA_SCALING = 'Lambda Developer Guide, "Lambda scaling behavior"';
const LAMBDA_QUOTAS = 'Lambda Developer Guide, "Lambda quotas"';
const LAMBDA_PRICING = 'Lambda pricing page, "Ephemeral storage"';
const LAMBDA_RESERVED = 'Lambda Developer Guide, "Configuring reserved concurrency for a function"';
const LAMBDA_MEMORY = 'Lambda Developer Guide, "Configure Lambda function memory"';
const SFN_QUOTAS = 'Step Functions Developer Guide, "Step Functions service quotas"';
const SFN_MAP = 'Step Functions Developer Guide, "Map state processing modes"';
const MAP_SLOW = 're:Post, "Why is Step Function\'s Distributed Map slow?" (100 children that do nothing)';
/** Bodner et al., "An Empirical Evaluation of Serverless Cloud Infrastructure for Large-Scale Data Processing". */
const SKYRISE = 'arXiv 2501.07771';
const STARTS = 'arXiv 2407.14331';
const NODE_STARTS =
  'speedrun.nobackspacecrew.com, "The fastest Node 22 Lambda coldstart configuration" (2025-07-21), and `npm run bench -- --lambdas`';
const HERE = 'measured on 2 cores of an AMD EPYC with Node.js 24.21: see CPU';
/** Medians in eu-west-1: from StartExecution to the function, 99 ms; from PutEvents to the function, 148 ms. */
const MESSAGING =
  'bitesizedserverless.com, "Serverless Messaging: Latency Compared" (2022-09, EventBridge 2023-02)';
const ASSUMED = 'assumed: no source was found';

const READ = '2026-11-30';

const fact = (
  value: number,
  source: string,
  range: readonly [low: number, high: number] | [] = [],
): Fact => ({
  value,
  ...(range.length === 0 ? {} : { low: range[0], high: range[1] }),
  source,
  asOf: READ,
});

/** S3 in one region, standard storage class. Requests are counted by bucket: AWS promises them by "partitioned prefix". */
export const S3_FACTS = {
  /** Promised for each partitioned prefix. New prefixes have no partition of their own, so this is a new bucket's. */
  getsPerSecond: fact(5_500, S3_GUIDE, [8_300, 5_500]),
  putsPerSecond: fact(3_500, S3_GUIDE, [4_100, 3_500]),
  /** What a new bucket did before S3 sent 503s. Key names made no difference. */
  getsPerSecondNewBucket: fact(8_300, SKYRISE),
  putsPerSecondNewBucket: fact(4_100, SKYRISE),
  /** Under load S3 splits prefixes: five times the rate after 26 minutes, so about one more promised rate every 6.5 minutes. */
  getsPerSecondAfterSplits: fact(27_500, SKYRISE),
  splitsSeconds: fact(26 * 60, SKYRISE),

  /** From the request to the first byte of the answer. The paper has the median and the 95th percentile of GETs. */
  getFirstByteMsMedian: fact(27, SKYRISE),
  getFirstByteMsP95: fact(75, SKYRISE),
  /** The tail of GETs. */
  getFirstByteMsP99: fact(200, `${S3_GUIDE}: 100 to 200 ms for small objects`, [150, 400]),
  /** PUTs of small objects, from the last byte sent to the answer. */
  putMsMedian: fact(60, ASSUMED, [40, 100]),
  putMsP95: fact(150, ASSUMED, [100, 300]),
  listMsMedian: fact(80, ASSUMED, [40, 150]),
  headMsMedian: fact(20, ASSUMED, [12, 30]),
  /** S3 closes a multipart upload in this time. */
  completeMsMedian: fact(150, ASSUMED, [80, 500]),
  /** Of one connection, whatever the client: "one request for each 85 to 90 MB/s". */
  bytesPerSecondOfConnection: fact(85e6, S3_GUIDE, [40e6, 90e6]),
  /** The rate of errors that AWS does not explain (500): its service commitment counts them as unavailability. */
  internalErrorFraction: fact(1e-5, 'Amazon S3 SLA: 99.9 % a month; far fewer in practice', [0, 1e-3]),

  listKeysMax: fact(1_000, S3_LIMITS_PAGE),
  partsMax: fact(10_000, S3_LIMITS_PAGE),
} as const satisfies Record<string, Fact>;

/** S3 Express One Zone, by directory bucket: only for comparison, because its listings are not ordered. */
export const S3_EXPRESS_FACTS = {
  getsPerSecond: fact(220_000, SKYRISE),
  putsPerSecond: fact(42_000, SKYRISE),
  getFirstByteMsMedian: fact(5, SKYRISE),
} as const satisfies Record<string, Fact>;

export const LAMBDA_FACTS = {
  /** Of an account in a region; new accounts often have 10. It can be raised. */
  accountConcurrency: fact(1_000, LAMBDA_QUOTAS),
  accountConcurrencyNew: fact(10, `${LAMBDA_QUOTAS}: reduced for new accounts; 10 by users' reports`),
  /** The part of it that functions cannot reserve. */
  unreservedConcurrencyMin: fact(100, LAMBDA_RESERVED),
  /** Of a function in a new account. It can be raised. */
  memoryMbMaxNew: fact(3_008, `${LAMBDA_QUOTAS}: reduced for new accounts; 3,008 by users' reports`),
  /** Environments that one function may add. Lambda refills this continuously, and never saves more than one interval's. */
  scaleUpEnvironments: fact(1_000, LAMBDA_SCALING),
  scaleUpSeconds: fact(10, LAMBDA_SCALING),
  /** Until 1,000 functions of 10 GiB were ready. */
  thousandReadySeconds: fact(6, STARTS),

  /** What Lambda does before the runtime starts: it finds a host, fetches the package, and starts a sandbox. Not billed. */
  placementMs: fact(100, ASSUMED, [50, 300]),
  /**
   * The `Init Duration`: Node starts and loads the bundle. Billed since August 2025. At 1,769 MB; a bundle of 1.2 MiB. On
   * LocalStack, ours takes 100 ms on a whole core.
   */
  initMs: fact(250, NODE_STARTS, [150, 500]),
  /** From a caller's Invoke to the handler, in a warm environment. */
  warmInvokeMs: fact(15, ASSUMED, [5, 40]),
  /** An idle environment is kept at least this long. */
  idleKeptSeconds: fact(300, ASSUMED, [120, 900]),

  /** The network of one function, whatever its memory: a burst, then a steady rate, refilled while it is idle. */
  networkBurstBytes: fact(300 * 2 ** 20, SKYRISE),
  networkBytesPerSecond: fact(75 * 2 ** 20, SKYRISE),
  /** Speed of the burst. */
  networkBurstBytesPerSecond: fact(600 * 2 ** 20, SKYRISE, [300 * 2 ** 20, 1_200 * 2 ** 20]),

  /** A function of this memory has one vCPU, others have in proportion, up to 6 at 10,240 MB. One JavaScript thread uses one. */
  memoryMbOfOneCpu: fact(1_769, LAMBDA_MEMORY),
  memoryMbMax: fact(10_240, LAMBDA_MEMORY),
  /** Part of the /tmp of every function at no cost. */
  scratchFreeBytes: fact(512 * 2 ** 20, LAMBDA_PRICING),
  scratchBytesMax: fact(10_240 * 2 ** 20, LAMBDA_QUOTAS),
  timeoutSecondsMax: fact(900, LAMBDA_QUOTAS),
  payloadBytesMax: fact(6 * 2 ** 20, LAMBDA_QUOTAS),
  /** The speed of one arm64 vCPU as a fraction of the core on which the rates of CPU were measured. */
  cpuFraction: fact(0.7, ASSUMED, [1, 0.5]),
  /** The time of a stage as a multiple of what its tasks take by themselves: the last ones are slower than most. */
  stragglerFactor: fact(1.15, ASSUMED, [1.05, 1.4]),
  /** /tmp: sequential writes and reads. */
  scratchBytesPerSecond: fact(250e6, ASSUMED, [400e6, 125e6]),
} as const satisfies Record<string, Fact>;

export const STEP_FUNCTIONS_FACTS = {
  /** State transitions of STANDARD executions in an account: tokens each second, and their store. See transitionsPerSecond(). */
  transitionsPerSecondLargeRegion: fact(5_000, SFN_QUOTAS),
  transitionsPerSecondElsewhere: fact(800, SFN_QUOTAS),
  /** StartExecution of STANDARD executions, for the children of a Distributed Map as for others. */
  startsPerSecondLargeRegion: fact(300, SFN_QUOTAS),
  startsBurstLargeRegion: fact(1_300, SFN_QUOTAS),
  startsPerSecondElsewhere: fact(150, SFN_QUOTAS),
  startsBurstElsewhere: fact(800, SFN_QUOTAS),
  /** How fast one Map Run starts children; it has its own quota, which AWS does not publish. */
  childStartsPerSecond: fact(500, ASSUMED, [1_000, 150]),
  describesPerSecondLargeRegion: fact(15, SFN_QUOTAS),
  describesPerSecondElsewhere: fact(10, SFN_QUOTAS),
  listsPerSecondLargeRegion: fact(5, SFN_QUOTAS),
  listsPerSecondElsewhere: fact(2, SFN_QUOTAS),

  /** Of an account in a region. It cannot be raised; more of them wait. */
  openMapRunsMax: fact(1_000, SFN_QUOTAS),
  openExecutionsMax: fact(1_000_000, SFN_QUOTAS),
  childrenAtOnceMax: fact(10_000, SFN_MAP),
  /** Iterations of an inline Map that run at the same time. */
  inlineAtOnceMax: fact(40, SFN_MAP),
  historyEventsMax: fact(25_000, SFN_QUOTAS),
  stateBytesMax: fact(256 * 2 ** 10, SFN_QUOTAS),
  definitionBytesMax: fact(2 ** 20, SFN_QUOTAS),
  expressSecondsMax: fact(300, SFN_QUOTAS),

  /** A Distributed Map: from entering its state until the first child starts, and from the last child's end to the next state. */
  mapRunStartSeconds: fact(1, MAP_SLOW, [0.5, 2]),
  mapRunEndSeconds: fact(6, MAP_SLOW, [2, 8]),
  /** An inline Map, and any other state: from one state to the next, without the work of a task. */
  transitionMs: fact(
    50,
    `assumed, to fit ${MESSAGING}: 99 ms for a start, a state and an invocation`,
    [25, 100],
  ),
} as const satisfies Record<string, Fact>;

export const EVENTBRIDGE_FACTS = {
  /** From the end of an upload until the target is called. Most of it is assumed to pass before S3 sends the event. */
  deliveryMs: fact(
    1_000,
    `S3 User Guide, "Amazon S3 Event Notifications": in seconds, rarely a minute; 0.15 s of it in EventBridge: ${MESSAGING}`,
    [400, 3_000],
  ),
  /** Some events arrive more than once. */
  duplicateFraction: fact(
    1e-4,
    'EventBridge promises at least one delivery; the fraction is assumed',
    [0, 1e-2],
  ),
} as const satisfies Record<string, Fact>;

/**
 * Bytes that one core of this project's machine processes in a second. Runs of the command with one worker over 256 MiB of
 * the benchmark's corpora, shuffle compressed by zstd level 1 as on AWS, the best of three; the time of the stage, without
 * the start of the process (`mapreduce run word-count --input bench/data/words-v1-268435456.txt --workers 1`).
 */
export const CPU_FACTS = {
  /** Bytes of input. Text, split into words, counted by a combiner. */
  wordCountMapBytesPerSecond: fact(42e6, HERE),
  /** Bytes of input: records of 100 bytes, sorted and compressed. */
  sortMapBytesPerSecond: fact(68e6, HERE),
  /** Bytes of input: text, searched by a regular expression that matches 4 % of the lines. */
  grepMapBytesPerSecond: fact(380e6, HERE),
  /** Compressed bytes of the shuffle: runs of records of 100 bytes, decompressed, merged, written as text. */
  sortReduceBytesPerSecond: fact(107e6, HERE),
  /** Compressed bytes of the shuffle: counts of words, decompressed, merged, added. */
  foldReduceBytesPerSecond: fact(40e6, HERE),
  /** Bytes of decompressed input, one core. */
  gunzipBytesPerSecond: fact(220e6, HERE),
} as const satisfies Record<string, Fact>;

/** What the corpora of the benchmark leave for the shuffle: compressed bytes for each byte of input. */
export const SHUFFLE_FACTS = {
  /** Records of 100 bytes with random keys of 10. */
  sortRatio: fact(0.556, HERE),
  /** 300,000 different words: what one split of 64 MiB, and of 256 MiB, emits after combining. */
  wordCountBytesOf64MiB: fact(7_771_384 / 4, HERE),
  wordCountBytesOf256MiB: fact(2_179_157, HERE),
} as const satisfies Record<string, Fact>;

/** All of them, by service, for a table. */
export const FACTS = {
  S3: S3_FACTS,
  'S3 Express One Zone': S3_EXPRESS_FACTS,
  Lambda: LAMBDA_FACTS,
  'Step Functions': STEP_FUNCTIONS_FACTS,
  EventBridge: EVENTBRIDGE_FACTS,
  CPU: CPU_FACTS,
  Shuffle: SHUFFLE_FACTS,
} as const;

/** Regions with the higher quotas of Step Functions. */
const LARGE_REGIONS: readonly string[] = ['us-east-1', 'us-west-2', 'eu-west-1'];

export function isLargeRegion(region: string): boolean {
  return LARGE_REGIONS.includes(region);
}

/** State transitions that an account may make in a second. */
export function transitionsPerSecond(region: string): number {
  const { transitionsPerSecondLargeRegion, transitionsPerSecondElsewhere } = STEP_FUNCTIONS_FACTS;
  return (isLargeRegion(region) ? transitionsPerSecondLargeRegion : transitionsPerSecondElsewhere).value;
}

/** The vCPUs of a function: its threads together may use this many CPU seconds in a second. */
export function cpusOf(memoryMb: number): number {
  return memoryMb / LAMBDA_FACTS.memoryMbOfOneCpu.value;
}

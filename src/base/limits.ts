/**
 * Every bound of the engine, with its unit in its name, and the relations between them asserted at the end.
 */

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

export const LIMITS = {
  /** Splits. */
  splitSizeBytesDefault: 64 * MiB,
  splitSizeBytesMin: 1,
  splitSizeBytesMax: 5 * GiB,
  /** Small files are packed into one split up to this many, so that one task's list of pieces stays short. */
  piecesPerSplitMax: 10_000,

  /** Splits below this size are for small inputs: they make at most smallSplitsMax map tasks on AWS. */
  smallSplitBytes: 1 * MiB,
  smallSplitsMax: 100,
  /** Map tasks, and reduce tasks, of one job. */
  tasksPerStageMax: 100_000,
  /** The same on AWS, where the construct's maxTasksPerStage may raise or lower it. */
  awsTasksPerStageDefault: 10_000,

  /** What the comment of the state machine holds about the apps; a definition may have 1 MiB, in escaped JSON. */
  appCatalogBytesMax: 128 * KiB,

  /** Names in one request: keys, prefixes and globs. */
  inputNamesMax: 1_000,
  /** Input objects of one job: its plan lists each of them. */
  inputFilesMax: 250_000,
  /** Keys looked through to find them: 1,000 requests, some minutes. */
  keysListedMax: 1_000_000,

  /** Results of earlier jobs that are not read, and listed in the report. */
  leftOutShownMax: 100,
  /** Inputs whose first bytes are looked at together. */
  inputLooksMax: 64,
  /** A glob's braces may stand for so many patterns. */
  globAlternativesMax: 1_000,

  /** Memory budget of one worker. */
  memoryBytesDefault: 512 * MiB,
  memoryBytesMin: 32 * MiB,
  memoryBytesMax: 8 * GiB,
  /** Where memory is short there are rather fewer workers than workers with less than this. */
  memoryBytesComfortable: 64 * MiB,
  /** What the process and its first thread take, and what each worker takes beside its buffers. */
  processMemoryBytes: 96 * MiB,
  workerRuntimeBytes: 96 * MiB,
  /** Of the memory of a machine or container, for the kernel and for what no estimate foresees. */
  memoryReserveFraction: 0.1,

  /** One record of input, and one emitted key with its value. */
  recordBytesMax: 256 * MiB,

  /** Input is read in chunks of this size. */
  inputChunkBytes: 256 * KiB,
  /** Uploads are written in chunks of this size. */
  uploadChunkBytes: 1 * MiB,

  /** Output that is gathered in memory before it is sent; a part that fits is one request. */
  partBufferBytes: 1 * MiB,
  /** Output of one synchronous call (one reduce of a giant group) that is kept in memory before it goes to disk. */
  partOverflowBytes: 8 * MiB,

  /** Fold table and sort buffer, whatever the memory of the worker: their offsets are signed 32-bit numbers. */
  sortBufferBytesMax: 2 * GiB - 1,

  /** A block of a run: what is compressed, checksummed and held in memory at once. */
  blockBytes: 128 * KiB,
  /** Runs open at once in a merge; more are merged in passes. */
  openRunsMax: 512,
  openRunsMin: 2,

  /** A fold of values that may grow takes this many bytes of them from the left before it starts another partial. */
  foldLeafBytes: 256,
  /** What such a fold holds beside its oldest partial, in encoded bytes. */
  foldPartialsBytesMax: 4 * MiB,

  /** byRange() looks at the input at so many places for each part, spread evenly over its bytes. */
  samplePlacesPerPartition: 16,
  samplePlacesMin: 128,
  samplePlacesMax: 512,
  /** ... and takes so many keys for each part: parts differ by some 5 % then. The job may allow fewer. */
  sampleKeysPerPartition: 400,
  sampleKeysMin: 2_000,
  /** Of a file that can be read from anywhere, a place is a window of this size. */
  sampleWindowBytes: 32 * KiB,
  /** Read of one window at most, where a record goes on behind it. */
  sampleWindowReadBytesMax: 4 * MiB,
  /** Windows read at once. */
  sampleReadsMax: 16,
  /** Files that can only be read from their start (compressed ones) are sampled up to this many plain bytes in all. */
  sampleStreamBytesMax: 1 * GiB,

  reducersMax: 10_000,
  /** What the map barrier holds in memory: 24 bytes for each map task and reducer. */
  shuffleIndexBytesMax: 256 * MiB,
  workersMax: 256,

  /** Attempts of one task, counting the first. */
  attemptsMaxDefault: 4,
  /** How often a committed map task may be run again because its shuffle object was found corrupt. */
  shuffleRepairsMax: 3,
  /** A task that makes no progress for this long is taken away from its worker. */
  stallTimeoutMsDefault: 60_000,
  /** Backup attempts: when this part of a stage has committed, and a task runs this much longer than the median. */
  backupAfterCommittedFraction: 0.75,
  backupSlownessFactor: 1.5,
  backupAfterMsMin: 5_000,

  /** A run renews its claim to the output folder so often; unchanged for so long, a claim of an unknown process is void. */
  claimRenewMs: 2_000,
  claimVoidAfterMs: 30_000,
  /** A larger manifest.json is not read: a job of 100,000 parts writes one of 12 MiB. */
  manifestBytesMax: 256 * MiB,

  /** Objects that a barrier reads at once. */
  barrierReadsMax: 32,
  /** S3 removes at most this many in one call. */
  deletesPerCallMax: 1_000,

  /** Distinct names of counters in one job. */
  counterNamesMax: 1_000,
} as const;

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits.ts contradicts itself: ${relation}`);
}

assertRelation(
  LIMITS.blockBytes * LIMITS.openRunsMin * 4 <= LIMITS.memoryBytesMin,
  'two open runs fit the smallest budget',
);
assertRelation(LIMITS.foldPartialsBytesMax * 8 <= LIMITS.memoryBytesMin, 'partials fit the smallest budget');
assertRelation(LIMITS.splitSizeBytesDefault <= LIMITS.splitSizeBytesMax, 'the default split is allowed');
assertRelation(LIMITS.memoryBytesDefault <= LIMITS.memoryBytesMax, 'the default memory is allowed');
assertRelation(LIMITS.partBufferBytes <= LIMITS.partOverflowBytes, 'a part is flushed before it overflows');
assertRelation(LIMITS.backupAfterCommittedFraction < 1, 'backup attempts can start before a stage ends');
assertRelation(LIMITS.claimVoidAfterMs >= 10 * LIMITS.claimRenewMs, 'a claim outlives many missed renewals');

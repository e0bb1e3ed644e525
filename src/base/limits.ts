/** Every bound of the engine, with its unit in its name. The relations between them are asserted at the end. */

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

export const LIMITS = {
  /** The size of splits. Default: the first for inputs of up to 4 GiB, up to the second for larger ones (plan/splits.ts). */
  splitSizeBytesDefault: 64 * MiB,
  splitSizeBytesDefaultMax: 4 * GiB,
  splitSizeBytesMin: 1,
  splitSizeBytesMax: 5 * GiB,
  /** At most this many small files are packed into one split, so that the list of a task's pieces stays short. */
  piecesPerSplitMax: 10_000,

  /** Splits below this size are for small inputs: on AWS, a job may have at most smallSplitsMax of them. */
  smallSplitBytes: 1 * MiB,
  smallSplitsMax: 100,
  /** The maximum number of map tasks, and of reduce tasks, in one job. */
  tasksPerStageMax: 100_000,
  /** The default of the same on AWS. The construct's maxTasksPerStage may raise or lower it. */
  awsTasksPerStageDefault: 10_000,

  /**
   * On AWS, a stage of at most this many tasks runs in the execution of the job itself, where tasks start at once. Step
   * Functions runs about 40 iterations of an inline Map at the same time.
   */
  inlineTasksMax: 40,

  /** The description of the apps in the comment of the state machine. A definition may have 1 MiB of escaped JSON. */
  appCatalogBytesMax: 128 * KiB,

  /** Input names in one request: keys, prefixes and globs. */
  inputNamesMax: 1_000,
  /** Input objects of one job: its plan lists each of them. */
  inputFilesMax: 250_000,
  /** Keys listed to find them: 1,000 requests, which take some minutes. */
  keysListedMax: 1_000_000,

  /** How many results of earlier jobs the report lists as not read. */
  leftOutShownMax: 100,
  /** Inputs whose first bytes are read at the same time. */
  inputLooksMax: 64,
  /** How many patterns the braces of a glob may expand to. */
  globAlternativesMax: 1_000,

  /** The memory budget of one worker. */
  memoryBytesDefault: 512 * MiB,
  memoryBytesMin: 32 * MiB,
  memoryBytesMax: 8 * GiB,
  /** If memory is scarce, a run starts fewer workers rather than workers with less than this. */
  memoryBytesComfortable: 64 * MiB,
  /** What the process and its main thread need, and what each worker needs beside its buffers. */
  processMemoryBytes: 96 * MiB,
  workerRuntimeBytes: 96 * MiB,
  /** The fraction of a machine's or container's memory that is reserved for the kernel and for errors of estimation. */
  memoryReserveFraction: 0.1,

  /** One record of the input, and one emitted key with its value. */
  recordBytesMax: 256 * MiB,

  /** How many bad records a job lists beside its result. */
  badRecordsListedMax: 1_000,

  /** Input is read in chunks of this size. */
  inputChunkBytes: 256 * KiB,
  /**
   * Whole files up to this size are read ahead, several at once: at most so many requests and, as a fraction of the worker's
   * memory, so many bytes.
   */
  smallFileBytes: 256 * KiB,
  smallFilesAheadMax: 64,
  smallFilesAheadBytesMax: 4 * MiB,
  smallFilesAheadMemoryFraction: 1 / 16,
  /** Compressed ones are decompressed in one call, if that gives no more than this. */
  smallFileContentBytesMax: 1 * MiB,
  /** Uploads are written in chunks of this size. */
  uploadChunkBytes: 1 * MiB,

  /** Output is collected in memory up to this size before it is sent. A part that fits is sent in one request. */
  partBufferBytes: 1 * MiB,
  /** Files that one task may write: the list that commits it has about 150 bytes for each. */
  filesPerTaskMax: 100_000,
  /** Files of one result: the manifest lists them. */
  resultFilesMax: 500_000,
  /** How many files a task that writes into folders has open at once; fewer if openFileBytes times this is too much memory. */
  openFilesMax: 64,
  /** What an open file takes: what it collects, and the part of an upload that is being filled. */
  openFileBytes: 8 * MiB,

  /** Compressed files are cut into blocks of this many plain bytes. Changing it changes the bytes of results. */
  compressedBlockBytes: 1 * MiB,
  /** How many such blocks of one file are compressed at the same time. */
  compressedBlocksAtOnceMax: 4,

  /** Output of one synchronous call (one reduce of a giant group) is kept in memory up to this size, then on disk. */
  partOverflowBytes: 8 * MiB,

  /** The fold table and the sort buffer, whatever the worker's memory: their offsets are signed 32-bit numbers. */
  sortBufferBytesMax: 2 * GiB - 1,

  /** A block of a run: the unit that is compressed, checksummed and held in memory. */
  blockBytes: 128 * KiB,
  /** Fraction of an attempt's memory for its sort buffer or fold table. The rest is for input chunks, blocks and the heap. */
  sortBufferFraction: 0.6,
  /** Fraction of a reduce attempt's memory for open runs. The rest is for the values of a group, the output and the heap. */
  openRunsFraction: 0.6,
  /** How many runs a merge has open at once. More are merged in passes. */
  openRunsMax: 512,
  openRunsMin: 2,
  /** Large cells are copied to local files in requests of this size: so many at once, and so many bytes. */
  stagedRangeBytes: 16 * MiB,
  stagedReadsMax: 32,
  stagedBytesInFlightMax: 96 * MiB,
  /** How often a run is opened again, between two of its blocks, or a cell is copied again, after an error that may pass. */
  runReopensMax: 3,

  /** A fold of values that may grow folds this many bytes from the left before it starts another partial result. */
  foldLeafBytes: 256,
  /** Encoded bytes that such a fold holds beside its oldest partial result. */
  foldPartialsBytesMax: 4 * MiB,

  /** For each part, byRange() samples the input at this many places, spread evenly over its bytes. */
  samplePlacesPerPartition: 16,
  samplePlacesMin: 128,
  samplePlacesMax: 512,
  /** For each part, byRange() samples this many keys, so that parts differ by about 5 %. The job may allow fewer. */
  sampleKeysPerPartition: 400,
  sampleKeysMin: 2_000,
  /** In a file that can be read from any offset, a place is a window of this size. */
  sampleWindowBytes: 32 * KiB,
  /** At most this much is read for one window, if a record extends beyond it. */
  sampleWindowReadBytesMax: 4 * MiB,
  /** Windows read at once. */
  sampleReadsMax: 16,
  /** Files that must be read from their start (compressed ones) are sampled up to this many plain bytes in all. */
  sampleStreamBytesMax: 1 * GiB,

  reducersMax: 10_000,
  /** What the map barrier holds in memory: 24 bytes for each pair of map task and reducer. */
  shuffleIndexBytesMax: 256 * MiB,
  workersMax: 256,

  /** Attempts of one task, counting the first. */
  attemptsMaxDefault: 4,
  /** How often one committed object is made again because it is missing or damaged. */
  objectRepairsMax: 3,
  /** How often a stage hands out tasks again. On AWS each round leaves events in the bounded history of the execution. */
  stageRerunsMax: 3,
  localStageRerunsMax: 1_000,
  /** An attempt that makes no progress for this long is stopped. */
  stallTimeoutMsDefault: 60_000,
  /** A backup attempt starts once this fraction of a stage has committed and a task takes this much longer than the median. */
  backupAfterCommittedFraction: 0.75,
  backupSlownessFactor: 1.5,
  backupAfterMsMin: 5_000,

  /** How often a run renews its claim to the output folder, and how long an unchanged claim of an unknown process is valid. */
  claimRenewMs: 2_000,
  claimVoidAfterMs: 30_000,
  /** A larger manifest.json is not read. A job of 100,000 parts writes one of 12 MiB. */
  manifestBytesMax: 256 * MiB,

  /** Attempts of a job that are listed beside its result, the newest of them. */
  attemptsListedMax: 200_000,
  /** Larger lists of attempts are not read. 20,000 attempts take 10 MB uncompressed. */
  attemptsBytesMax: 256 * MiB,

  /** Objects that a barrier reads at once. */
  barrierReadsMax: 32,
  /** S3 removes at most this many objects in one call. */
  deletesPerCallMax: 1_000,

  /** Names of counters in one job. */
  counterNamesMax: 1_000,
} as const;

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits.ts contradicts itself: ${relation}`);
}

assertRelation(
  LIMITS.blockBytes * LIMITS.openRunsMin * 4 <= LIMITS.memoryBytesMin,
  'two open runs fit the smallest budget',
);
assertRelation(LIMITS.smallFileBytes <= LIMITS.inputChunkBytes, 'a small file is one chunk');
assertRelation(
  LIMITS.smallFileBytes <= LIMITS.memoryBytesMin * LIMITS.smallFilesAheadMemoryFraction,
  'the smallest budget reads ahead at least one small file',
);
assertRelation(
  LIMITS.stagedRangeBytes <= LIMITS.memoryBytesMin * LIMITS.openRunsFraction,
  'the smallest budget copies a cell',
);
assertRelation(LIMITS.foldPartialsBytesMax * 8 <= LIMITS.memoryBytesMin, 'partials fit the smallest budget');
assertRelation(
  LIMITS.splitSizeBytesDefault <= LIMITS.splitSizeBytesDefaultMax &&
    LIMITS.splitSizeBytesDefaultMax <= LIMITS.splitSizeBytesMax,
  'the default splits are allowed',
);
assertRelation(LIMITS.memoryBytesDefault <= LIMITS.memoryBytesMax, 'the default memory is allowed');
assertRelation(LIMITS.partBufferBytes <= LIMITS.partOverflowBytes, 'a part is flushed before it overflows');
assertRelation(LIMITS.filesPerTaskMax <= LIMITS.resultFilesMax, 'a task can write as many files as it may');
assertRelation(LIMITS.backupAfterCommittedFraction < 1, 'backup attempts can start before a stage ends');
assertRelation(LIMITS.claimVoidAfterMs >= 10 * LIMITS.claimRenewMs, 'a claim outlives many missed renewals');

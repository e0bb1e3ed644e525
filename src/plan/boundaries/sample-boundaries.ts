/**
 * The boundaries of a range partitioner: maps a sample of records of the whole input, sorts the emitted keys, and cuts them
 * into shares of equal weight. The same input gives the same boundaries on every machine, so the sample is bounded by
 * bytes, never by time.
 *
 * Source: the sampler of TeraSort (O'Malley, 2008). It reads the first records of some splits, which misleads if the input
 * is sorted, clustered or one compressed stream; this one samples everywhere.
 */
import type { Job, ParameterValues } from '../../api/job.ts';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import type { AttemptControl, Progress } from '../../base/progress.ts';
import type { RecordReader } from '../../formats/source.ts';
import { NO_FILE } from '../../read/input-file.ts';
import { readPiece } from '../../read/read-records.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { InputToCut } from '../splits.ts';
import type { Split } from '../task.ts';
import { FetchedWindow } from './fetched-window.ts';
import { type RecordKeys, type SampledRecord, SampleMapper } from './sample-mapper.ts';
import { type SamplePlace, samplePlaces, samplePlacesFor } from './sample-places.ts';
import { mixedHash, ThinnedSample } from './thinned-sample.ts';

export interface SampleOptions {
  readonly job: Job;
  readonly params: ParameterValues;
  readonly inputs: readonly InputToCut[];
  /** Those of the plan. */
  readonly splits: readonly Split[];
  readonly store: ObjectStore;
  readonly partitions: number;
  /** About how many keys to sample at most. */
  readonly samplesMax: number;
  /** Default LIMITS.sampleStreamBytesMax. */
  readonly streamBytesMax?: number;
  readonly watched?: { readonly progress: Progress; readonly control: AttemptControl } | undefined;
}

export interface SampledBoundaries {
  /** Ascending encoded keys in base64, at most one less than there are partitions. */
  readonly boundaries: string[];
  /** False if compressed input exceeded the bound. The keys after it may be distributed differently. */
  readonly isWhole: boolean;
}

export async function sampleBoundaries(options: SampleOptions): Promise<SampledBoundaries> {
  const { partitions, samplesMax, inputs, splits } = options;
  if (partitions <= 1) return { boundaries: [], isWhole: true };
  const keysMax = Math.min(samplesMax, keysFor(partitions));
  const placesMax = Math.min(keysMax, samplePlacesFor(partitions));
  const places = samplePlaces(inputs, { splits, placesMax });
  const sampler = new Sampler(options, keysMax / placesMax);
  await sampler.read(places);
  return { boundaries: cut(sampler.keys, partitions), isWhole: sampler.isWhole };
}

function keysFor(partitions: number): number {
  return Math.max(partitions * LIMITS.sampleKeysPerPartition, LIMITS.sampleKeysMin);
}

interface WeightedKey {
  readonly key: Buffer;
  readonly weight: number;
}

class Sampler {
  readonly keys: WeightedKey[] = [];
  isWhole = true;
  readonly #options: SampleOptions;
  readonly #keysPerHit: number;
  readonly #mapper: SampleMapper;

  constructor(options: SampleOptions, keysPerHit: number) {
    this.#options = options;
    this.#keysPerHit = keysPerHit;
    this.#mapper = new SampleMapper(options.job, options.params);
  }

  async read(places: readonly SamplePlace[]): Promise<void> {
    let streamBytesLeft: number = this.#options.streamBytesMax ?? LIMITS.sampleStreamBytesMax;
    let streamHitsLeft = places.reduce((sum, { isStream, hits }) => sum + (isStream ? hits : 0), 0);
    const windows: SamplePlace[] = [];
    for (const place of places) {
      if (!place.isStream) {
        windows.push(place);
        if (windows.length === LIMITS.sampleReadsMax) await this.#sampleWindows(windows.splice(0));
        continue;
      }
      await this.#sampleWindows(windows.splice(0));
      // Each file gets its share of the bound. What it does not use goes to the files after it.
      const bytesMax = Math.floor((streamBytesLeft / streamHitsLeft) * place.hits);
      streamBytesLeft -= await this.#sampleStream(place, bytesMax);
      streamHitsLeft -= place.hits;
    }
    await this.#sampleWindows(windows);
  }

  /**
   * Fetches several windows at once, but maps their records in order, since map may keep state. Each window is read twice,
   * the first time to count its records: a record may be valid only while it is delivered.
   */
  async #sampleWindows(windows: readonly SamplePlace[]): Promise<void> {
    const fetched = await mapBounded(windows, LIMITS.sampleReadsMax, ({ piece }) =>
      FetchedWindow.fetch(this.#options.store, piece),
    );
    for (const [index, { piece, hits, weight }] of windows.entries()) {
      const store = fetched[index]!;
      let records = 0;
      await this.#readWindow(piece, store, () => {
        records += 1;
      });
      const wanted = Math.min(records, this.#keysMax(hits));
      const sample = this.#newSample(hits);
      const picks = new Set<number>();
      for (let i = 0; i < wanted; i++) {
        picks.add(Math.floor(((i + mixedHash(i, index) / 2 ** 32) * records) / wanted));
      }
      let at = 0;
      const { file, input = 0 } = piece;
      await this.#readWindow(piece, store, (record, reader) => {
        if (picks.has(at++))
          this.#add(sample, { record, input, file: file.key, offset: () => reader.offset() });
      });
      this.#take(sample, (weight * records) / wanted);
    }
  }

  async #readWindow(
    piece: SamplePlace['piece'],
    store: ObjectStore,
    deliver: (record: unknown, reader: RecordReader<unknown>) => void,
  ): Promise<void> {
    const readMax = LIMITS.sampleWindowReadBytesMax;
    await this.#readRecords(piece, {
      store,
      chunkBytes: LIMITS.sampleWindowBytes,
      isEnough: (offsetBytes) => offsetBytes - piece.startBytes >= readMax,
      deliver,
    });
  }

  /** Returns how many (uncompressed) bytes were sampled. */
  async #sampleStream({ piece, hits, weight }: SamplePlace, bytesMax: number): Promise<number> {
    const { file, startBytes, endBytes, input = 0, records: planned } = piece;
    const isGenerated = file === NO_FILE;
    const recordsMax = isGenerated ? GENERATED_PER_KEY * this.#keysMax(hits) : Number.POSITIVE_INFINITY;
    const sample = this.#newSample(hits);
    let bytes = 0;
    let storedBytes = 0;
    let records = 0;
    let isLastChunk = false;
    const isEnough = (offsetBytes: number, newBytes: number, storedBytesRead: number) => {
      if (records >= recordsMax) return true;
      if (newBytes === 0) return false;
      const offset = offsetBytes - startBytes;
      if (offset >= bytesMax) return true;
      bytes = offset + newBytes;
      storedBytes = storedBytesRead;
      isLastChunk = bytes > bytesMax;
      return false;
    };
    const isComplete = await this.#readRecords(piece, {
      isEnough,
      deliver: (record, reader) => {
        // Where chunks end depends on the decoder, but where the sample ends must not.
        if (isLastChunk && reader.offset() - startBytes >= bytesMax) throw new EnoughRead();
        records += 1;
        this.#add(sample, { record, input, file: file.key, offset: () => reader.offset() });
      },
    });
    const sampledBytes = Math.min(bytes, bytesMax);
    if (isComplete) {
      this.#take(sample, weight);
    } else if (isGenerated) {
      this.#take(sample, (weight * planned!) / records);
    } else {
      this.isWhole = false;
      // The sample stands for the whole piece, whose uncompressed size is estimated from the bytes read so far.
      const ofRead = bytes / Math.max(1, sampledBytes);
      this.#take(sample, (weight * ofRead * (endBytes - startBytes)) / Math.max(1, storedBytes));
    }
    return sampledBytes;
  }

  /** Returns false if it stopped early. */
  async #readRecords(
    piece: SamplePlace['piece'],
    {
      store = this.#options.store,
      chunkBytes,
      isEnough,
      deliver,
    }: {
      store?: ObjectStore;
      chunkBytes?: number;
      isEnough: (offsetBytes: number, newBytes: number, storedBytesRead: number) => boolean;
      deliver: (record: unknown, reader: RecordReader<unknown>) => void;
    },
  ): Promise<boolean> {
    const { job, watched } = this.#options;
    let reader: RecordReader<unknown>;
    try {
      await readPiece(piece, {
        source: job.inputs[piece.input ?? 0]!.source,
        store,
        recordBytesMax: LIMITS.recordBytesMax,
        params: this.#options.params,
        ...(chunkBytes === undefined ? {} : { chunkBytes }),
        onReader: (opened) => {
          reader = opened;
        },
        // The map tasks count them.
        onBad: () => {},
        beforeBatch: (...batch) => {
          watched?.control.check();
          if (isEnough(...batch)) throw new EnoughRead();
          return undefined;
        },
        deliver: (record) => deliver(record, reader),
      });
      return true;
    } catch (error) {
      if (error instanceof EnoughRead) return false;
      throw error;
    }
  }

  #keysMax(hits: number): number {
    return Math.ceil(this.#keysPerHit * hits);
  }

  #newSample(hits: number): ThinnedSample<RecordKeys> {
    return new ThinnedSample(this.#keysMax(hits), hits);
  }

  #add(sample: ThinnedSample<RecordKeys>, sampled: SampledRecord): void {
    const hash = sample.next();
    if (hash === undefined) return;
    const { watched } = this.#options;
    if (watched !== undefined) watched.progress.recordsRead++;
    const keys = this.#mapper.map(sampled, this.#keysMax(1));
    if (keys.keys.length > 0) sample.keep(hash, keys, keys.keys.length);
  }

  #take(sample: ThinnedSample<RecordKeys>, weight: number): void {
    for (const record of sample.items) {
      for (const key of record.keys) {
        this.keys.push({ key, weight: weight * sample.weight * record.weight });
      }
    }
  }
}

/** How many generated records are sampled for each key that is wanted. */
const GENERATED_PER_KEY = 4;

/** Stops reading a piece. Thrown between two records or batches; an error of the engine, so that no format is blamed for it. */
class EnoughRead extends MapReduceError {
  constructor() {
    super('CancelledError', 'enough was sampled');
  }
}

/** Returns the keys at which partitions begin, so that each partition has about the same weight. */
function cut(keys: WeightedKey[], partitions: number): string[] {
  keys.sort((a, b) => Buffer.compare(a.key, b.key));
  const total = keys.reduce((sum, { weight }) => sum + weight, 0);
  const boundaries: string[] = [];
  let last: Buffer | undefined;
  let index = 0;
  let weightBefore = 0;
  for (let partition = 1; partition < partitions && keys.length > 0; partition++) {
    const share = (partition * total) / partitions;
    while (index < keys.length - 1 && weightBefore + keys[index]!.weight <= share) {
      weightBefore += keys[index++]!.weight;
    }
    const boundary = keys[index]!.key;
    // One key never goes to two partitions, so a key that fills several shares gives fewer boundaries.
    if (last !== undefined && boundary.equals(last)) continue;
    boundaries.push(boundary.toString('base64'));
    last = boundary;
  }
  return boundaries;
}

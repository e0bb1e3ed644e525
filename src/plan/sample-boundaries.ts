/**
 * Boundaries of a range partitioner: maps the records at the start of splits that are spread evenly over the input,
 * sorts the keys they emit, and cuts them into equal shares. Deterministic: the same input gives the same boundaries.
 *
 * Source: the sampler of TeraSort (O'Malley, 2008) reads the first records of some splits in the same way.
 */
import { GrowableSink } from '../codec/growable-sink.ts';
import { isMapReduceError, MapReduceError } from '../errors.ts';
import type { RecordParser } from '../input/input-format.ts';
import { readPiece } from '../input/read-records.ts';
import type { Job, MapContext, ParameterValues } from '../job.ts';
import { LIMITS } from '../limits.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Split } from '../task.ts';
import { createCounter, setUp, userCodeError } from '../user-code.ts';
import { refuseReturned } from '../user-returns.ts';

/** At most this many splits are looked into. */
const SAMPLED_SPLITS_MAX = 32;

export async function sampleBoundaries({
  job,
  params,
  splits,
  inputs,
  partitions,
  samplesMax,
}: {
  job: Job;
  params: ParameterValues;
  splits: readonly Split[];
  inputs: ObjectStore;
  partitions: number;
  samplesMax: number;
}): Promise<string[]> {
  if (partitions <= 1 || splits.length === 0) return [];
  const sampled = Math.min(splits.length, SAMPLED_SPLITS_MAX);
  const keysPerSplitMax = Math.ceil(samplesMax / sampled);
  const keys: Buffer[] = [];
  for (let i = 0; i < sampled; i++) {
    const split = splits[Math.floor((i * splits.length) / sampled)]!;
    await sampleSplit(split, { job, params, inputs, keysMax: keys.length + keysPerSplitMax, keys });
  }
  keys.sort(Buffer.compare);
  const boundaries: string[] = [];
  let last: Buffer | undefined;
  for (let partition = 1; partition < partitions; partition++) {
    const boundary = keys[Math.floor((partition * keys.length) / partitions)];
    // A key that fills several shares leaves the partitions between empty: one key is never parted.
    if (boundary === undefined || (last !== undefined && boundary.equals(last))) continue;
    boundaries.push(boundary.toString('base64'));
    last = boundary;
  }
  return boundaries;
}

class EnoughSampled extends Error {}

async function sampleSplit(
  split: Split,
  {
    job,
    params,
    inputs,
    keysMax,
    keys,
  }: { job: Job; params: ParameterValues; inputs: ObjectStore; keysMax: number; keys: Buffer[] },
): Promise<void> {
  const codec = job.shuffle!.key;
  const sink = new GrowableSink(256);
  let file = '';
  let parser: RecordParser<unknown> | undefined;
  const position = () => ({ file, offsetBytes: parser!.recordOffsetBytes() });
  const context: MapContext<unknown, unknown, ParameterValues, unknown> = {
    params,
    state: setUp(job, params),
    count: createCounter().count,
    emit: (key) => {
      sink.reset();
      codec.encode(key, sink);
      keys.push(Buffer.from(sink.bytes.subarray(0, sink.end)));
    },
    get file() {
      return file;
    },
    position,
  };
  try {
    for (const piece of split.pieces) {
      file = piece.file.key;
      await readPiece(piece, {
        format: job.input,
        store: inputs,
        recordBytesMax: LIMITS.recordBytesMax,
        onParser: (created) => {
          parser = created;
        },
        deliver: (record) => {
          if (keys.length >= keysMax) throw new EnoughSampled();
          let returned: unknown;
          try {
            returned = job.map(record, context);
          } catch (error) {
            throw userCodeError('map', error, position());
          }
          if (returned !== undefined) refuseReturned('map', returned);
        },
      });
    }
  } catch (error) {
    if (error instanceof EnoughSampled) return;
    // What is wrong with a record is for the map task to say, with its retries; a sample can do without it.
    if (error instanceof MapReduceError && isMapReduceError(error, 'UserCodeError')) return;
    throw error;
  }
}

/**
 * What other parts need to know about a job without running its code. It is plain data, so a worker thread can load the
 * module and send the description to the coordinator. Getters and proxies in the definition are read here, once.
 */
import { type MergedFormat, mergedFormatOf } from '../formats/merged-format.ts';
import type { Job, JobInput, JobShuffle, ParameterSpec, ParameterSpecs, RangePartitioner } from './job.ts';

export interface JobDescription {
  readonly name: string;
  readonly description: string;
  readonly inputs: readonly InputDescription[];
  /** How many bad records the job skips; undefined if it skips none. */
  readonly badRecordsSkipped: number | undefined;
  readonly params: ParameterSpecs;
  readonly output: OutputDescription;
  /** Undefined for a map-only job. */
  readonly shuffle: ShuffleDescription | undefined;
}

export interface OutputDescription {
  readonly extension: string;
  readonly sinks: readonly SinkDescription[];
  readonly severalFiles: boolean;
  /** Undefined for a sink whose records cannot be merged. */
  readonly merged: MergedFormat | undefined;
}

export interface SinkDescription {
  /** Undefined for the only output of a job. */
  readonly name: string | undefined;
  /** The name of the format. */
  readonly format: string;
  readonly extension: string;
  readonly inFolders: boolean;
}

export interface InputDescription {
  /** Undefined for the only input of a job. */
  readonly name: string | undefined;
  /** The name of the format. */
  readonly format: string;
  /** Whether its records are generated, so that it has no files. */
  readonly isGenerated: boolean;
  /** Whether files of known other formats are refused before the job starts. */
  readonly isText: boolean;
  /** Whether the format looks at the first bytes of files itself. */
  readonly looks: boolean;
}

/** Types by name. A function is described as 'a function of the job'. */
export interface ShuffleDescription {
  readonly key: string;
  readonly value: string;
  readonly combine: string | undefined;
  readonly partition: RangePartitioner | 'hash' | 'custom';
  readonly reduce: string;
  readonly reducers: number | undefined;
}

export function describeJob({
  name,
  description,
  inputs,
  onBadRecord,
  params,
  output,
  shuffle,
}: Job): JobDescription {
  return {
    name,
    description: String(description),
    inputs: inputs.map((input) => describeInput(input)),
    badRecordsSkipped: onBadRecord?.skip,
    params: Object.fromEntries(Object.entries(params).map(([name, spec]) => [name, plainSpec(spec)])),
    output: describeOutput(output),
    shuffle: shuffle && describeShuffle(shuffle),
  };
}

function describeOutput(output: Job['output']): OutputDescription {
  const { sink } = output.sinks[0]!;
  return {
    extension: String(output.extension),
    sinks: output.sinks.map(({ name, sink }) => ({
      name,
      format: String(sink.name),
      extension: String(sink.extension),
      inFolders: sink.folderOf !== undefined,
    })),
    severalFiles: output.severalFiles,
    merged: output.severalFiles || !sink.recordWise ? undefined : mergedFormatOf(sink),
  };
}

function describeInput({ name, source }: JobInput): InputDescription {
  const { cuts, isText, look } = source;
  const isGenerated = typeof cuts === 'object' && cuts !== null && 'generate' in cuts;
  return {
    name,
    format: String(source.name),
    isGenerated,
    isText: isText === true,
    looks: look !== undefined,
  };
}

function describeShuffle({
  key,
  value,
  combine,
  partition,
  reduce,
  reducers,
}: JobShuffle): ShuffleDescription {
  return {
    key: key.name,
    value: value.name,
    combine: combine === undefined ? undefined : nameOf(combine),
    partition: describePartition(partition),
    reduce: nameOf(reduce),
    reducers,
  };
}

function describePartition(partition: JobShuffle['partition']): ShuffleDescription['partition'] {
  if (partition === undefined) return 'hash';
  return typeof partition === 'function' ? 'custom' : { kind: 'range', samplesMax: partition.samplesMax };
}

function nameOf(aggregation: string | ((...args: never[]) => unknown)): string {
  return typeof aggregation === 'string' ? aggregation : 'a function of the job';
}

function plainSpec(spec: ParameterSpec): ParameterSpec {
  const description = String(spec.description);
  switch (spec.type) {
    case 'string':
      return {
        type: 'string',
        description,
        ...(spec.default === undefined ? {} : { default: spec.default }),
        ...(spec.choices === undefined ? {} : { choices: [...spec.choices] }),
      };
    case 'number':
      return {
        type: 'number',
        description,
        ...(spec.default === undefined ? {} : { default: spec.default }),
      };
    case 'boolean':
      return {
        type: 'boolean',
        description,
        ...(spec.default === undefined ? {} : { default: spec.default }),
      };
  }
}

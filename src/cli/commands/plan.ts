/** `mapreduce plan`: what a job would need on AWS, before anything runs. */

import type { JobDescription } from '../../api/job-description.ts';
import { estimateJob } from '../../aws/model/estimate.ts';
import { deploymentShape, type PlannedShape, shapeOf } from '../../aws/model/job-shape.ts';
import { syntheticFiles } from '../../aws/model/synthetic-plan.ts';
import { spaceNotices } from '../../aws/model/task-space.ts';
import { assumedTraits } from '../../aws/model/traits.ts';
import { CONCURRENCY_MAX } from '../../aws/protocol/concurrency.ts';
import { MapReduceError } from '../../base/errors.ts';
import { GiB, LIMITS, MiB } from '../../base/limits.ts';
import { formatBytes, formatCountOf } from '../../base/quantities.ts';
import { planModule } from '../../local/run/plan-module.ts';
import { mayNameInput } from '../../plan/inputs/named-inputs.ts';
import type { InputFile } from '../../read/input-file.ts';
import { estimateLines } from '../display/estimate-text.ts';
import { paintFor } from '../display/paint.ts';
import { print, printJson } from '../display/terminal.ts';
import { findJob } from '../flags/find-job.ts';
import { parseAssignment, parseSizeBytes, parseWholeNumber } from '../flags/flag-values.ts';
import { assertLocalPath } from '../flags/local-path.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export interface PlanFlags {
  readonly input?: readonly string[];
  readonly size?: string;
  readonly reducers?: string;
  readonly splitSize?: string;
  readonly set?: readonly string[];
  readonly merge?: boolean;
  readonly taskMemory?: string;
  readonly maxConcurrency?: string;
  readonly region?: string;
  readonly json?: boolean;
}

const SIZE_BYTES_MAX = 100_000 * GiB;

export async function planCommand(name: string | undefined, flags: PlanFlags): Promise<number> {
  const jobModule = findJob(assertComplete(name, flags));
  const numbers = numbersOf(flags);
  const region = regionOf(flags);
  const params = Object.fromEntries((flags.set ?? []).map((text) => parseAssignment('--set', text)));
  const { sizeBytes } = numbers;
  const { job, plan } = await planModule({
    jobModule,
    inputs:
      sizeBytes === undefined ? (flags.input ?? []) : (described) => [filesOfSize(described, sizeBytes)],
    params,
    merge: flags.merge ?? false,
    smallSplitsMax: LIMITS.smallSplitsMax,
    ...numbers,
  });
  const estimate = estimateOf(job, plan, { ...numbers, region });
  if (flags.json) {
    printJson({ job: job.name, files: plan.inputFiles, bytes: plan.inputBytes, ...estimate });
    return EXIT_CODE.done;
  }
  const title = `${job.name}: ${formatCountOf(plan.inputFiles, 'file')}, ${formatBytes(plan.inputBytes)}, on AWS`;
  const { notices, ...rest } = estimate;
  print(`${estimateLines({ title, estimate: rest, notices }, paintFor(process.stdout)).join('\n')}\n`);
  return EXIT_CODE.done;
}

function assertComplete(name: string | undefined, { input, size }: PlanFlags): string {
  if (name === undefined) {
    throw usage(
      'no job was given. Put it first, because --input and --set take every argument that follows: mapreduce plan <job> --input <path>...',
    );
  }
  if (input !== undefined && size !== undefined) {
    throw usage('--input and --size exclude each other: --size is for input that does not exist yet');
  }
  for (const path of input ?? []) {
    if (path.startsWith('s3://')) {
      throw usage(
        `--input ${path} is in a bucket, which only a deployment can read. Use: mapreduce submit ${name} --input ${path} --dry-run`,
      );
    }
    assertLocalPath('--input', path);
    if (mayNameInput(path)) assertLocalPath('--input', path.slice(path.indexOf('=') + 1));
  }
  return name;
}

interface Numbers {
  readonly sizeBytes: number | undefined;
  readonly reducers: number | undefined;
  readonly splitSizeBytes: number | undefined;
  readonly memoryMb: number | undefined;
  readonly maxConcurrency: number | undefined;
}

function numbersOf({ size, reducers, splitSize, taskMemory, maxConcurrency }: PlanFlags): Numbers {
  const given = <T>(text: string | undefined, parse: (text: string) => T) =>
    text === undefined ? undefined : parse(text);
  return {
    sizeBytes: given(size, (text) => parseSizeBytes('--size', text, { min: 1, max: SIZE_BYTES_MAX })),
    reducers: given(reducers, (text) =>
      parseWholeNumber('--reducers', text, { min: 1, max: LIMITS.reducersMax }),
    ),
    splitSizeBytes: given(splitSize, (text) =>
      parseSizeBytes('--split-size', text, { min: LIMITS.splitSizeBytesMin, max: LIMITS.splitSizeBytesMax }),
    ),
    memoryMb: given(taskMemory, (text) => parseWholeNumber('--task-memory', text, { min: 512, max: 10_240 })),
    maxConcurrency: given(maxConcurrency, (text) =>
      parseWholeNumber('--max-concurrency', text, { min: 1, max: CONCURRENCY_MAX }),
    ),
  };
}

function regionOf({ region }: PlanFlags): string | undefined {
  if (region === undefined || /^[a-z]{2,}(-[a-z]+)+-[0-9]+$/.test(region)) return region;
  throw usage(`--region must be the name of an AWS region, such as eu-central-1; received '${region}'`);
}

/** @throws UsageError for a job that a size says nothing about */
function filesOfSize({ name, inputs }: JobDescription, sizeBytes: number): InputFile[] {
  if (inputs.length > 1) {
    throw usage(
      `job '${name}' has ${inputs.length} inputs, so --size does not say what it reads. Name its files with --input`,
    );
  }
  if (inputs[0]?.isGenerated) {
    throw usage(
      `job '${name}' generates its input, so it reads nothing of that size. Omit --size; its parameters (--set) say how much it generates`,
    );
  }
  return syntheticFiles(sizeBytes);
}

function estimateOf(
  { shuffle }: JobDescription,
  plan: PlannedShape,
  { memoryMb, maxConcurrency, region }: Numbers & { region: string | undefined },
) {
  const deployment = deploymentShape({
    ...(memoryMb === undefined ? {} : { taskMemoryMb: memoryMb }),
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    ...(region === undefined ? {} : { region }),
  });
  const hasCombiner = shuffle?.combine !== undefined;
  const { taskMemoryMb, scratchBytes } = deployment;
  return {
    ...estimateJob({
      job: shapeOf(plan, { taskMemoryMb }),
      traits: assumedTraits({ isMapOnly: shuffle === undefined, hasCombiner }),
      deployment,
    }),
    notices: spaceNotices(
      { splits: plan.splits, reducers: plan.settings.reducers, combines: hasCombiner },
      { memoryMb: taskMemoryMb, scratchMb: scratchBytes / MiB },
    ),
  };
}

function usage(message: string): MapReduceError {
  return new MapReduceError('UsageError', message);
}

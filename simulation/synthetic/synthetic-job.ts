/**
 * Jobs whose tasks do everything but look at bytes: they send the requests of a real task through the real store, and spend
 * the CPU time that its code would need. So jobs of many gigabytes run in minutes, in little memory.
 *
 * Real: the machine, planning, barriers and commit, attempts, the store, ranges and parts, footers and the index of the
 * shuffle, the budget of open runs. Not real: the content of inputs, blocks and parts, and so spills and combining, whose time
 * is in the rates.
 */
import { serveStep } from '../../lambdas/runtime/serve-step.ts';
import { map } from '../../lambdas/served/map.ts';
import { reduce } from '../../lambdas/served/reduce.ts';
import { mapStep } from '../../lambdas/steps/map.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import type { PointTraits } from '../../src/aws/model/point.ts';
import { KiB } from '../../src/base/limits.ts';
import { defineJob, recordWise, textLines } from '../../src/index.ts';
import { SimulatedAws, type SimulatedAwsOptions } from '../aws.ts';
import type { ClientCpu } from '../lambda/environment.ts';
import { bytesOf } from '../s3/stored-bytes.ts';
import { syntheticMap } from './synthetic-map.ts';
import { syntheticReduce } from './synthetic-reduce.ts';

/** Writes so many zeros, its value, for each record. */
const zerosSink = recordWise<string, number>({
  name: 'zeros',
  extension: 'bin',
  write(_, sizeBytes, out) {
    out.reserve(sizeBytes);
    out.bytes.fill(0, out.end, out.end + sizeBytes);
    out.end += sizeBytes;
  },
});

const synthetic = defineJob({
  name: 'synthetic',
  description: 'Sends the requests of a job and takes the time of one',
  input: textLines(),
  key: 'string',
  value: 'number',
  map() {},
  reduce: 'sum',
  output: zerosSink,
});

export const SYNTHETIC_APP = 'synthetic';

/** CPU of the client of S3: a GET costs about 1 ms (s3-read-ahead.ts), a MiB received or sent 2 ms (s3-upload.ts). */
const CLIENT_CPU: ClientCpu = { getMs: 1, movedMsPerMiB: 2 };

/** A deployment whose tasks are synthetic and have these traits. */
export async function startSyntheticAws(
  traits: PointTraits,
  options: Partial<SimulatedAwsOptions> = {},
): Promise<SimulatedAws> {
  const aws: SimulatedAws = await SimulatedAws.start({
    seed: 1,
    jobs: { apps: { [SYNTHETIC_APP]: synthetic } },
    ...options,
    s3: { ...options.s3, keepsBytes: (key) => !/^work\/[^/]+\/shuffle\/|\/part-/.test(key) },
    lambda: { ...options.lambda, cpu: CLIENT_CPU },
    handlers: {
      map: (serving, thread) => {
        const run = syntheticMap({
          traits,
          thread,
          willHold: (key, bytes) => aws.bucket.willHold(key, bytes),
        });
        const step: typeof map.step = (event, environment, invocation) =>
          mapStep(event, environment, invocation, run);
        return serveStep({ ...map, step }, serving);
      },
      reduce: (serving, thread) => {
        const run = syntheticReduce({ traits, thread });
        const step: typeof reduce.step = (event, environment, invocation) =>
          reduceStep(event, environment, invocation, run);
        return serveStep({ ...reduce, step }, serving);
      },
    },
  });
  return aws;
}

/** Planning looks at the first bytes of a file. */
const FIRST_LINES = Buffer.from('some text\n'.repeat(64 * KiB));

/** Puts inputs below data/ that only have a size. */
export function putSyntheticInput(aws: SimulatedAws, inputBytes: number, fileBytes: number): void {
  for (let file = 0, left = Math.round(inputBytes); left > 0; file++) {
    const sizeBytes = Math.min(left, fileBytes);
    const head = FIRST_LINES.subarray(0, sizeBytes);
    const body = sizeBytes > head.length ? [sizeBytes - head.length] : [];
    aws.bucket.put(`data/${String(file).padStart(6, '0')}`, bytesOf(head, ...body));
    left -= sizeBytes;
  }
}

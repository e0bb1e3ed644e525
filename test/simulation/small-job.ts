/** A small job in the simulated AWS: 4 map tasks, 2 reducers, and what the embedded run makes of the same input. */
import wordCount from '../../apps/word-count/job.ts';
import { SimulatedAws, type SimulatedAwsOptions } from '../../simulation/aws.ts';
import { bytesOf, contentOf } from '../../simulation/s3/stored-bytes.ts';
import { seededRandom } from '../../simulation/seeded-random.ts';
import type { Execution } from '../../simulation/step-functions/step-functions.ts';

export const REDUCERS = 2;
const FILES = 4;
/** Each file becomes a map task of its own. */
const LINES = 400;

/** The text of each input file. */
export const TEXTS: readonly string[] = Array.from({ length: FILES }, (_, file) => {
  const random = seededRandom(file + 1);
  const letter = (number: number) => String.fromCharCode(97 + (number % 26));
  const word = () => {
    const number = Math.floor(random() ** 2 * 200);
    return `w${letter(number)}${letter(Math.floor(number / 26))}`;
  };
  return Array.from({ length: LINES }, () => `${word()} ${word()} ${word()}\n`).join('');
});
/** No file is longer. */
const SPLIT_BYTES = Math.max(...TEXTS.map((text) => text.length));

export const JOB_ID = 'small-job';

export const REQUEST = {
  app: 'word-count',
  inputs: ['data/'],
  reducers: REDUCERS,
  splitSizeBytes: SPLIT_BYTES,
};

export async function startSmallAws(options: Partial<SimulatedAwsOptions> = {}): Promise<SimulatedAws> {
  const aws = await SimulatedAws.start({ seed: 1, jobs: { apps: { 'word-count': wordCount } }, ...options });
  for (const [file, text] of TEXTS.entries()) {
    aws.bucket.put(`data/${file}.txt`, bytesOf(Buffer.from(text)));
  }
  return aws;
}

export async function runSmallJob(aws: SimulatedAws): Promise<Execution> {
  return await aws.runJob(JOB_ID, REQUEST);
}

/** The parts of the result, one after another. */
export function resultOf(aws: SimulatedAws, jobId = JOB_ID): string {
  return aws.bucket.keys
    .filter((key) => key.startsWith(`output/${jobId}/part-`))
    .map((key) => contentOf(aws.bucket.get(key).bytes).toString())
    .join('');
}

/** What the job must return, by an oracle that counts words. */
export function expectedCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of TEXTS.join('').split(/\s+/).filter(Boolean))
    counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

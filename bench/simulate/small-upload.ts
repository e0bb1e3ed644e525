/** Uploads a small file in the simulated AWS, and waits for the result: for comparison with bench/model/small-upload.ts. */
import wordCount from '../../apps/word-count/job.ts';
import { SimulatedAws } from '../../simulation/aws.ts';
import { bytesOf } from '../../simulation/s3/stored-bytes.ts';
import { SUCCESS_NAME } from '../../src/report/result-names.ts';
import { UPLOAD_BYTES } from '../model/small-upload.ts';

const LINE = 'the same few words in every line\n';
const LOOK_MS = 1;

export interface UploadTime {
  /** From the end of the upload until its event starts the job. */
  readonly deliverySeconds: number;
  /** From then on until _SUCCESS is there. */
  readonly jobSeconds: number;
  readonly invocations: number;
  readonly coldStarts: number;
}

/** @param warm  whether another upload has ended a moment before, so that all functions have an idle environment */
export async function simulatedUpload({ seed, warm }: { seed: number; warm: boolean }): Promise<UploadTime> {
  await using aws = await SimulatedAws.start({ seed, jobs: { apps: { 'word-count': wordCount } } });
  if (warm) await uploaded(aws, 'before.txt');
  return await uploaded(aws, 'small.txt');
}

async function uploaded(aws: SimulatedAws, name: string): Promise<UploadTime> {
  const { clock } = aws.world;
  const results = () => aws.bucket.keys.filter((key) => key.endsWith(`/${SUCCESS_NAME}`)).length;
  const [before, uploadedMs] = [results(), clock.nowMs()];
  const { invocations, coldStarts } = aws.lambda.usage;
  aws.bucket.put(
    `input/word-count/${name}`,
    bytesOf(Buffer.from(LINE.repeat(Math.ceil(UPLOAD_BYTES / LINE.length)))),
  );
  await clock.run(aws.events.delivered());
  const startedMs = clock.nowMs();
  let succeededMs: number | undefined;
  const look = () => {
    if (results() > before) succeededMs = clock.nowMs();
    else clock.after(LOOK_MS, look);
  };
  look();
  const { status, cause } = await aws.ended(aws.events.deliveries.at(-1)!.executionArn);
  if (status !== 'SUCCEEDED' || succeededMs === undefined)
    throw new Error(`it ended with ${status}: ${cause}`);
  return {
    deliverySeconds: (startedMs - uploadedMs) / 1000,
    jobSeconds: (succeededMs - startedMs) / 1000,
    invocations: aws.lambda.usage.invocations - invocations,
    coldStarts: aws.lambda.usage.coldStarts - coldStarts,
  };
}

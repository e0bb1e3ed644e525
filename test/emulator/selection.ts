/**
 * Which tests LocalStack leaves to MiniStack. A test that proves something about this project's code, and nothing about
 * an emulator, needs one emulator, and MiniStack is twice as fast. So MiniStack runs all that it can, and LocalStack
 * runs those of the emulator's own behaviour and one of each feature of the deployment: an upload, a request, an inline
 * and a Distributed Map, a failed attempt, a failed job, a backup attempt, a redrive, a cancellation, a deployment in
 * the middle of a job, the number of requests.
 *
 * `npm run test:emulator:all` runs everything on both emulators.
 */
import type { EmulatorUnderTest } from './with-emulator.ts';

/** What LocalStack leaves out, and why what it runs is enough. */
const LEFT_TO_MINISTACK = {
  apps: 'the functions compute the bytes, whatever started them; the job with several outputs runs on both',
  'burst of uploads':
    'the retries of throttled tasks are those of the state machine; throttling itself is tested on both',
  'checks of the command':
    'the command answers from objects that any S3 gives it; submit, redrive and cancel run on both',
  corpus: 'a larger input of the same steps',
  'damaged or changed data': 'the tasks find the damage in bytes that any S3 gives them',
  'estimates of all jobs': 'an estimate depends on the job alone; two jobs run on both',
  'every kind of failed attempt':
    'one kind of each stage runs on both; lambda.test.ts has the error of each kind, cli.test.ts a failed job',
  'every kind of invalid request': 'the plan step rejects them all in the same way; one runs on both',
  'hostile requests': 'the plan step reads them before anything else happens',
  'options of a job': 'the same state machine with other values in its input',
  'published package': 'what is in the package, and that it can be deployed; cli.test.ts deploys on both',
  'requests of rarer jobs': 'the store decides about them; s3-store.test.ts runs on both',
} as const;

export type LeftToMiniStack = keyof typeof LEFT_TO_MINISTACK;

/** True if this run has such tests on this emulator. */
export function selected({ name }: Pick<EmulatorUnderTest, 'name'>, _what: LeftToMiniStack): boolean {
  return name === 'MiniStack' || allSelected();
}

/** True if every emulator runs every test. */
export function allSelected(): boolean {
  const wanted = process.env.MAPREDUCE_EMULATOR_TESTS;
  if (wanted === undefined || wanted === 'all') return wanted === 'all';
  throw new Error(`MAPREDUCE_EMULATOR_TESTS must be all, or not set; received "${wanted}"`);
}

/** Options that several commands share, as commander takes them. */

export const QUIET = ['-q, --quiet', 'print nothing but errors'] as const;
export const REDUCERS = [
  '-r, --reducers <n>',
  'number of reduce tasks, and so of parts (default: depends on the size of the input)',
] as const;
export const WAIT = ['-w, --wait', 'show progress until the job ends'] as const;

const STACK = [
  '--stack <name>',
  'name of the CloudFormation stack (default: $MAPREDUCE_STACK, or MapReduce)',
] as const;
const LOCAL = [
  '--local',
  'use the emulator at $AWS_ENDPOINT_URL, or at http://127.0.0.1:4566, instead of AWS',
] as const;

/** The stack, and whether it is on AWS or an emulator. */
export const STACK_OPTIONS = [STACK, LOCAL] as const;

/** Which deployment; its bucket and state machine may be named instead of its stack. */
export const DEPLOYMENT_OPTIONS = [
  ...STACK_OPTIONS,
  ['--bucket <name>', "use this bucket instead of the stack's ($MAPREDUCE_BUCKET)"],
  ['--state-machine <arn>', "use this state machine instead of the stack's ($MAPREDUCE_STATE_MACHINE)"],
] as const;

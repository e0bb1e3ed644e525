/** Generates docs/errors.md. Its table comes from src/base/error-table.ts. */
import { hintText } from '../../../src/aws/protocol/hints.ts';
import { ERROR_NAMES, ERROR_TABLE, type ErrorRow, HINT_KINDS } from '../../../src/base/error-table.ts';
import { jobId } from '../../../src/base/ids.ts';

export const ERRORS_PAGE = new URL('../../../docs/errors.md', import.meta.url);

const RETRIES = { never: 'no', attempts: 'yes', repair: 'after a repair' } as const;

const EXAMPLE = {
  formatVersion: 2,
  jobId: jobId('daily'),
  failedAt: '2026-01-01T06:00:00.000Z',
  error: 'UserCodeError',
  message: 'task m-00003 failed permanently: UserCodeError: map() threw TypeError: no such word',
  details: {
    jobId: jobId('daily'),
    taskId: 'm-00003',
    attemptId: 'm-00003.74646775-3735-49fd-a93c-0830f3dc7db4',
    phase: 'map',
    file: 'data/a.txt',
    offsetBytes: 4_711,
    userStack: 'TypeError: no such word\n    at parse (...)',
  },
  nextSteps: [
    {
      kind: 'see-logs',
      jobId: jobId('daily'),
      text: hintText({ kind: 'see-logs', jobId: jobId('daily') }),
    },
  ],
  failedAttempts: [],
  execution: 'arn:aws:states:...',
};

export function errorsPage(): string {
  return `# Errors

Every error of a job has one of these names, on your machine and on AWS. This page is generated from
[src/base/error-table.ts](../src/base/error-table.ts) by \`npm run update:errors\`; retries, exit codes and hints come from
the same table.

| error | what happened | retried | exit code | next steps on AWS |
| --- | --- | --- | --- | --- |
${ERROR_NAMES.map((name) => row(name, ERROR_TABLE[name])).join('\n')}

- **retried**: whether the task gets another attempt. By default, a task has at most 4 attempts. *After a repair*: the
  coordinator first repeats the task that wrote the damaged data.
- **exit code**: the exit code of the command, if no task of the job had started. Once a task runs, every error gives 1. A
  command that a signal stops exits with 128 plus the number of the signal.
- **next steps**: the \`nextSteps\` of \`failure.json\`, which the command prints with its own name and flags.

On AWS a job can also fail with an error of Step Functions or Lambda, such as \`Lambda.TooManyRequestsException\`, or with
an error of JavaScript, such as \`TypeError\`, which is a defect of mapreduce. Such an error is retried, and its next
steps are ${codes(['see-logs', 'redrive-when-fixed'])}.

## Next steps

| next step | in words |
| --- | --- |
${HINT_KINDS.map((kind) => `| \`${kind}\` | ${hintText({ kind, jobId: jobId('JOB_ID') })} |`).join('\n')}

## failure.json

A job that fails on AWS writes \`jobs/<jobId>/failure.json\`, and \`requests/<name>.failure.json\` next to its request. Read
\`error\`, \`details\` and \`nextSteps[].kind\` in programs; \`message\` and \`text\` are for people, and their words change.

\`\`\`json
${JSON.stringify(EXAMPLE, undefined, 2)}
\`\`\`
`;
}

function row(name: string, { meaning, retry, exitCode, hints, hintsWhenPlanned }: ErrorRow): string {
  const later = hintsWhenPlanned === undefined ? '' : `; once the job is planned ${codes(hintsWhenPlanned)}`;
  return `| \`${name}\` | ${meaning} | ${RETRIES[retry]} | ${exitCode} | ${codes(hints)}${later} |`;
}

function codes(kinds: readonly string[]): string {
  return kinds.map((kind) => `\`${kind}\``).join(', ');
}

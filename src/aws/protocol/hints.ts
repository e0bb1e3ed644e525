/** What a user can do after a job failed: as data in failure.json, and as text. */
import { errorRow, HINT_KINDS, type HintKind, LOOK_AND_RESUME } from '../../base/error-table.ts';
import type { JobId } from '../../base/ids.ts';

export interface Hint {
  readonly kind: HintKind;
  /** The job for the command in the hint, if known. */
  readonly jobId?: JobId;
}

/** @param error  any name. Errors that are not in the table have hints too. */
export function hintsFor(
  error: string,
  { jobId, isPlanned }: { jobId: JobId | undefined; isPlanned: boolean },
): Hint[] {
  const row = errorRow(error);
  const kinds = (isPlanned ? row?.hintsWhenPlanned : undefined) ?? row?.hints ?? LOOK_AND_RESUME;
  return kinds.map((kind) => ({ kind, ...(jobId === undefined ? {} : { jobId }) }));
}

/** Whether this version knows the hint. A function of another version may have written it. */
export function isHintKind(kind: string): kind is HintKind {
  return HINT_KINDS.some((known) => known === kind);
}

/** @param commandLine  completes a command, such as 'logs daily', to the whole line to type */
export function hintText({ kind, jobId: id }: Hint, commandLine = plainCommandLine): string {
  const jobId = id ?? '<job id>';
  switch (kind) {
    case 'correct-request':
      return 'Correct the request as the message says, and submit it again.';
    case 'submit-again':
      return 'Submit the job again, because its plan was made for the earlier input. Upload changed inputs under new names instead of overwriting old ones.';
    case 'more-memory':
      return 'Deploy with more memory (taskMemoryMb for map, reduce and commit, stepMemoryMb for the others), or keep less data in the job.';
    case 'see-logs':
      return `See what the functions logged: ${commandLine(`logs ${jobId}`)}`;
    case 'redrive':
      return `Resume from what is committed: ${commandLine(`redrive ${jobId}`)}`;
    case 'redrive-when-fixed':
      return `When the cause has passed, or is fixed and deployed (then add --allow-other-code), resume from what is committed: ${commandLine(`redrive ${jobId}`)}`;
    case 'redrive-other-code':
      return `Deploy the code that the job started with and redrive it, or submit the job again. If the output of its committed tasks is valid with the deployed code too: ${commandLine(`redrive ${jobId} --allow-other-code`)}`;
  }
}

/** For readers of a file, because it is unknown how they call the command. */
function plainCommandLine(command: string): string {
  return `mapreduce ${command}`;
}

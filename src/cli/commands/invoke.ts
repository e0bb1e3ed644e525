/** `mapreduce invoke`: runs one task of a planned job in the deployed function, without committing. */
import { functionOf, invokeTask, planOfTask, taskFailure } from '../../aws/client/invocation.ts';
import { functionVersion } from '../../aws/client/machine.ts';
import { parseTaskName } from '../../aws/client/task-name.ts';
import { logText, resultText } from '../display/invocation-text.ts';
import { paintFor } from '../display/paint.ts';
import { print, printJson, printToStderr } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import type { OutputFlags } from '../flags/output-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export type InvokeFlags = DeploymentFlags & OutputFlags;

/** @returns the exit code. Throws the error that the task failed with, after printing the end of its log. */
export async function invokeCommand(id: string, taskName: string, flags: InvokeFlags): Promise<number> {
  const task = parseTaskName(taskName);
  const { deployment, status } = await connectToJob(id, flags);
  const { jobId } = status;
  const { plan } = planOfTask(deployment, { status, task });
  const functionName = await functionOf(deployment, task);
  if (!flags.json && !flags.quiet) {
    const { name, version } = functionVersion(functionName);
    printToStderr(
      `${task.taskId} of job ${jobId} runs on ${name}${version === undefined ? '' : `, version ${version}`}, without committing\n`,
    );
  }
  const invocation = await invokeTask(deployment, { functionName, jobId, task });
  const { answer, log } = invocation;
  if (flags.json) {
    printJson({ jobId, taskId: task.taskId, function: functionName, ...answer, log });
    return answer.error === undefined ? EXIT_CODE.done : EXIT_CODE.failed;
  }
  const paint = paintFor(process.stdout);
  if (answer.result !== undefined && !flags.quiet) print(resultText(answer.result, invocation, paint));
  if (log !== '' && !flags.quiet) print(`${logText(log, paint)}\n`);
  if (answer.error !== undefined) throw taskFailure(deployment, { plan, task, answer });
  return EXIT_CODE.done;
}

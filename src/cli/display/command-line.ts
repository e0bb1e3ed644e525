/** Command lines that a message tells to type next: as this one was called, and about the deployment it is about. */
import type { DeploymentTarget } from '../../aws/client/deployment-target.ts';

/** A clone has no `mapreduce` on its path. */
const LAUNCHER = /[/\\]scripts[/\\]start\.ts$/.test(process.argv[1] ?? '') ? 'npm start --' : 'mapreduce';

/** @param command  the rest of the line, such as 'wait daily' */
export function commandLine(
  command: string,
  { stack, bucket, stateMachine, local }: DeploymentTarget = {},
): string {
  const named = { stack, bucket, 'state-machine': stateMachine };
  const flags = Object.entries(named).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag} ${shellWord(value)}`],
  );
  return [LAUNCHER, command, ...flags, ...(local ? ['--local'] : [])].join(' ');
}

/** In quotes where a shell would not take it as it is. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

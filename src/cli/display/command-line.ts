/** The command lines that messages suggest: called as this one was, and about the same deployment. */
import type { DeploymentTarget } from '../../aws/client/deployment-target.ts';

/** In a clone of the project, `mapreduce` is not on the path. */
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

/** In quotes where a shell would not take the text literally. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command lines that messages suggest. They start the command as it was started, for the same deployment. */
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

/** Quotes the text if a shell would not take it literally. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Runs npm for packages that are not dependencies of the project. */
import { spawnSync } from 'node:child_process';

/** @returns what went wrong; undefined if the command succeeded */
export function npm(args: readonly string[], cwd: string): string | undefined {
  const { status, stderr, error } = spawnSync('npm', [...args, '--loglevel=error'], {
    cwd,
    env: ownEnvironment(),
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `npm ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`;
}

/** Omits the variables that `npm run` sets for its scripts; with them, npm would install into this project. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package_|lifecycle_|config_local_prefix)/.test(name),
    ),
  );
}

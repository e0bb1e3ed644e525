import { spawnSync } from 'node:child_process';

const OUTPUT_BYTES_MAX = 1 << 28;

/** What a pipeline of the tools at hand prints: the oracle. `$1`, `$2`, ... are the arguments. */
export function shell(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...args], {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`exit code ${status} of: ${script}\n${stderr}`);
  return stdout;
}

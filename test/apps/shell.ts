import { spawnSync } from 'node:child_process';

const OUTPUT_BYTES_MAX = 1 << 28;

/** Returns what a shell pipeline prints, as the reference for a test. The arguments are `$1`, `$2`, ... */
export function shell(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...args], {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`exit code ${status} of: ${script}\n${stderr}`);
  return stdout;
}

/**
 * What a request may name. The functions read inputs with their own permissions, and IAM checks the function, not the author
 * of the request. So inputs that the author must not read are refused here.
 *
 *     input   below one of the deployment's readable prefixes, and never below jobs/, work/ or requests/, which hold the
 *             requests, plans and intermediates of all jobs. The literal text before the first wildcard is checked.
 *     output  below output/ (job-request.ts)
 */
import { MapReduceError } from '../../base/errors.ts';
import { wildcardIndex } from '../../plan/inputs/input-names.ts';
import { JOBS_PREFIX, REQUESTS_PREFIX, WORK_PREFIX } from './keys.ts';

export const INTERNAL_PREFIXES = [JOBS_PREFIX, WORK_PREFIX, REQUESTS_PREFIX] as const;

/** Longer keys cannot exist on S3. */
export const KEY_BYTES_MAX = 1_024;
/** Leaves room in a key for the name of a part. */
export const OUTPUT_PREFIX_BYTES_MAX = 900;

export function isReadable(key: string, readablePrefixes: readonly string[]): boolean {
  return !isInternal(key) && readablePrefixes.some((prefix) => key.startsWith(prefix));
}

function isInternal(key: string): boolean {
  return INTERNAL_PREFIXES.some((prefix) => key.startsWith(prefix));
}

/** @throws UsageError for a key, prefix or glob that a request must not name */
export function assertReadable(pattern: string, readablePrefixes: readonly string[]): void {
  const wildcard = wildcardIndex(pattern);
  const literal = wildcard === -1 ? pattern : pattern.slice(0, wildcard);
  if (isInternal(literal)) {
    throw new MapReduceError(
      'UsageError',
      `the input '${pattern}' is internal data of this deployment (${quoted(INTERNAL_PREFIXES)}), which jobs cannot read as input. Name inputs below ${quoted(readablePrefixes)}`,
      { details: { file: pattern } },
    );
  }
  if (isReadable(literal, readablePrefixes)) return;
  const hint =
    wildcard === -1 ? '' : `; the text before its first wildcard, '${literal}', must start with one of them`;
  throw new MapReduceError(
    'UsageError',
    `the input '${pattern}' is outside the prefixes that jobs of this deployment may read: ${quoted(readablePrefixes)}${hint}. Copy it there, or deploy with other readablePrefixes`,
    { details: { file: pattern } },
  );
}

/** Returns what is wrong with a name as a key, to follow "the name ..."; undefined if it is valid. */
export function keyProblem(name: string, { bytesMax = KEY_BYTES_MAX } = {}): string | undefined {
  if (!name.isWellFormed()) return 'contains a lone surrogate, which a key cannot contain';
  const bytes = Buffer.byteLength(name);
  if (bytes > bytesMax) return `has ${bytes} bytes; the maximum is ${bytesMax}`;
  // S3 takes these segments literally, but proxies and file systems between S3 and a reader resolve them.
  if (name.split('/').some((segment) => segment === '.' || segment === '..')) {
    return `has '.' or '..' between slashes, which does not mean a folder in a key. Name the key itself; received ${JSON.stringify(name)}`;
  }
  return undefined;
}

/** The same for the prefix of an output. This project chooses its keys, so it allows only what every tool can handle. */
export function outputProblem(prefix: string): string | undefined {
  const problem = keyProblem(prefix, { bytesMax: OUTPUT_PREFIX_BYTES_MAX });
  if (problem !== undefined) return problem;
  if (prefix.includes('//')) return `contains '//'; received ${JSON.stringify(prefix)}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  if (/[\x00-\x1f\x7f-\x9f]/.test(prefix)) {
    return `contains a control character; received ${JSON.stringify(prefix)}`;
  }
  return undefined;
}

function quoted(prefixes: readonly string[]): string {
  return prefixes.map((prefix) => `'${prefix}'`).join(', ');
}

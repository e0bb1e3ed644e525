/**
 * What a request may name. The functions read a request's inputs with their own rights, so what its author may not read
 * has to be refused here: IAM sees the function, not the author.
 *
 *     input   below one of the deployment's readable prefixes, and never below jobs/, work/ or requests/: there lie the
 *             requests, plans and intermediates of all jobs. Judged by the literal text before the first wildcard.
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

/** @throws UsageError for a key, prefix or glob that a request may not name */
export function assertReadable(pattern: string, readablePrefixes: readonly string[]): void {
  const wildcard = wildcardIndex(pattern);
  const literal = wildcard === -1 ? pattern : pattern.slice(0, wildcard);
  if (isInternal(literal)) {
    throw new MapReduceError(
      'UsageError',
      `the input '${pattern}' is what the jobs of this deployment keep for themselves (${quoted(INTERNAL_PREFIXES)}), which no job reads. Name inputs below ${quoted(readablePrefixes)}`,
      { details: { file: pattern } },
    );
  }
  if (isReadable(literal, readablePrefixes)) return;
  const hint =
    wildcard === -1
      ? ''
      : `; what stands before its first wildcard, '${literal}', must begin with one of them`;
  throw new MapReduceError(
    'UsageError',
    `the input '${pattern}' is outside the prefixes that jobs of this deployment may read: ${quoted(readablePrefixes)}${hint}. Copy it there, or deploy with other readablePrefixes`,
    { details: { file: pattern } },
  );
}

/** What makes a name unfit for a key; undefined when it is fit. Ends the sentence "the name ...". */
export function keyProblem(name: string, { bytesMax = KEY_BYTES_MAX } = {}): string | undefined {
  if (!name.isWellFormed()) return 'holds half of a surrogate pair, which no key can hold';
  const bytes = Buffer.byteLength(name);
  if (bytes > bytesMax) return `has ${bytes} bytes; it may have ${bytesMax}`;
  // S3 takes these segments literally, but proxies and file systems between S3 and a reader resolve them.
  if (name.split('/').some((segment) => segment === '.' || segment === '..')) {
    return `has '.' or '..' between slashes, which are ordinary characters in a key. Name the key itself; received ${JSON.stringify(name)}`;
  }
  return undefined;
}

/** The same for the prefix of an output, whose keys this project chooses: only what every tool can handle. */
export function outputProblem(prefix: string): string | undefined {
  const problem = keyProblem(prefix, { bytesMax: OUTPUT_PREFIX_BYTES_MAX });
  if (problem !== undefined) return problem;
  if (prefix.includes('//')) return `has nothing between two slashes; received ${JSON.stringify(prefix)}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  if (/[\x00-\x1f\x7f-\x9f]/.test(prefix)) {
    return `has a control character; received ${JSON.stringify(prefix)}`;
  }
  return undefined;
}

function quoted(prefixes: readonly string[]): string {
  return prefixes.map((prefix) => `'${prefix}'`).join(', ');
}

/** Refuses URLs where a flag takes a local path: an s3:// URL would become a folder named "s3:". */
import { MapReduceError } from '../../base/errors.ts';

const URL_OF_SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const FILE_URL = /^file:/i;
const S3_SCHEMES: readonly string[] = ['s3', 's3a', 's3n'];

/** @throws UsageError that says what to use instead */
export function assertLocalPath(flag: string, value: string): void {
  const scheme = FILE_URL.test(value) ? 'file' : URL_OF_SCHEME.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined) return;
  throw new MapReduceError(
    'UsageError',
    `${flag} '${value}' is a URL; it takes a path on this machine. ${remedy(scheme, value)}`,
  );
}

function remedy(scheme: string, value: string): string {
  if (scheme === 'file') return `Give the plain path: ${pathOf(value)}`;
  const here = `For a file or folder of that very name, write ./${value}`;
  if (S3_SCHEMES.includes(scheme)) {
    return `To run a job on objects of a bucket, use: mapreduce submit <app> --help. ${here}`;
  }
  return `Download the data first, or choose a local path. ${here}`;
}

function pathOf(url: string): string {
  const path = url.replace(/^file:(\/\/(localhost(?=\/))?)?/i, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

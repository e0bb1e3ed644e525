/** What the name of an input shows: whether it is hidden, and where the wildcards of a pattern begin. */
import { MapReduceError } from '../../base/errors.ts';

/** Refuses an empty name: it would mean the current folder or the whole bucket, but is mostly an unset variable. */
export function assertNamed(pattern: string): void {
  if (pattern !== '') return;
  throw new MapReduceError(
    'UsageError',
    "the name of an input is empty. Name a file, a folder or a glob such as 'logs/*.gz'.",
  );
}

/**
 * Whether a name in the path starts with '_' or '.'. As in Hadoop, such files are not input: _SUCCESS, _temporary,
 * .part.crc, .DS_Store. Only the part of a path that was found counts, not the part that the user wrote; a glob may spell
 * hidden names out (spelled-names.ts).
 */
export function isHidden(foundPath: string): boolean {
  return /(?:^|\/)[._]/.test(foundPath);
}

/** Where the first wildcard of the pattern is; -1 if it has none and is a plain name. */
export function wildcardIndex(pattern: string): number {
  return pattern.search(/[*?[{\\]|[@+!]\(/);
}

/** The folders of the pattern before its first wildcard, up to and including the last '/'. */
export function folderOfPattern(pattern: string): string {
  return pattern.slice(0, pattern.lastIndexOf('/', wildcardIndex(pattern)) + 1);
}

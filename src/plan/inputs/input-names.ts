/** What the name of an input says: how it is compressed, whether it is hidden, where a pattern's wildcards begin. */
import { MapReduceError } from '../../base/errors.ts';

/** An empty name would mean the current folder or the whole bucket, and is more often a variable left unset. */
export function assertNamed(pattern: string): void {
  if (pattern !== '') return;
  throw new MapReduceError(
    'UsageError',
    "the name of an input is empty. Name a file, a folder or a glob such as 'logs/*.gz'.",
  );
}

/**
 * Names that start with '_' or '.' hold no input, as in Hadoop: _SUCCESS, _temporary, .part.crc, .DS_Store. Asked of
 * the part of a path that was found, not of the part that was given. What a glob spells out is wanted (spelled-names.ts).
 */
export function isHidden(foundPath: string): boolean {
  return /(?:^|\/)[._]/.test(foundPath);
}

/** Where the pattern's wildcards begin; -1 when there are none and it is a plain name. */
export function wildcardIndex(pattern: string): number {
  return pattern.search(/[*?[{\\]|[@+!]\(/);
}

/** The pattern's folders without wildcards, up to and with the last '/': what it looks below. */
export function folderOfPattern(pattern: string): string {
  return pattern.slice(0, pattern.lastIndexOf('/', wildcardIndex(pattern)) + 1);
}

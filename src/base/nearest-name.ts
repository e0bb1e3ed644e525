import { MapReduceError } from './errors.ts';
import { preview } from './show-value.ts';

/** The cost grows with the square of the length, and longer names are hardly typed by hand. */
const NAME_CHARACTERS_MAX = 255;

/** For "did you mean": the candidate with the fewest typing errors; undefined if all have too many. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > NAME_CHARACTERS_MAX) return undefined;
  let nearest: string | undefined;
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= fewest) continue;
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) {
      fewest = edits;
      nearest = candidate;
    }
  }
  return nearest;
}

/** The Levenshtein distance, computed row by row. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}

/**
 * Refuses an option that a format does not have. `run` does not check types, and a misspelled option would be ignored.
 *
 * @param format  with its parentheses, for the message
 * @throws JobDefinitionError for another name, and for what is not an object
 *
 * @example
 * checkOptionNames('gzip()', { levl: 9 }, ['level']); // gzip() has no option "levl"; it has level. Did you mean "level"?
 */
export function checkOptionNames(format: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw wrong(
      `${format} received ${preview(options)} as its options. It takes an object with ${names.join(', ')}.`,
    );
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === undefined ? '' : ` Did you mean ${preview(nearest)}?`;
    throw wrong(`${format} has no option ${preview(name)}; it has ${names.join(', ')}.${hint}`);
  }
}

function wrong(message: string): MapReduceError {
  return new MapReduceError('JobDefinitionError', message);
}

import { MapReduceError } from '../base/errors.ts';
import { nearestName } from '../base/nearest-name.ts';
import { preview } from '../base/show-value.ts';

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

/** Finds the columns that a job wants in a file. */
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import type { Declared } from './csv-options.ts';
import { shown } from './messages.ts';
import type { WantedColumn } from './rows.ts';

/** How many of a file's columns a message lists. */
const SHOWN_MAX = 20;

/**
 * Finds the declared columns in a header; without one, by position.
 *
 * @throws CorruptInputError for a column that is missing, or whose name occurs twice
 */
export function wantedColumns(
  declared: readonly Declared[] | undefined,
  header: readonly string[] | undefined,
): readonly WantedColumn[] {
  if (header === undefined) {
    return (declared ?? []).flatMap((column, index) => (column === null ? [] : [{ ...column, index }]));
  }
  const wanted = declared ?? header.map((name) => ({ name, type: 'string' as const }));
  return wanted.flatMap((column) => {
    if (column === null) return [];
    const index = header.indexOf(column.name);
    if (index === -1) throw missing(column.name, header);
    if (header.indexOf(column.name, index + 1) !== -1) throw ambiguous(column.name, header);
    return [{ ...column, index }];
  });
}

function missing(name: string, header: readonly string[]): MapReduceError {
  const nearest = nearestName(name, header);
  const hint = nearest === undefined ? delimiterHint(header) : ` Did you mean ${shown(nearest)}?`;
  return corrupt(
    `the header has no column ${shown(name)}; its columns are ${listed(header)}.${hint} Correct the columns of csv(), or use header: false if the file has no header.`,
  );
}

function ambiguous(name: string, header: readonly string[]): MapReduceError {
  return corrupt(
    `the header has the column ${shown(name)} more than once; its columns are ${listed(header)}. Rename one of them, or use header: false with columns by position and remove the header.`,
  );
}

function delimiterHint(header: readonly string[]): string {
  const [only = ''] = header;
  if (header.length > 1) return '';
  const delimiter = [';', '\t', '|', ','].find((character) => only.includes(character));
  return delimiter === undefined
    ? ''
    : ` Its delimiter may be ${JSON.stringify(delimiter)}: then add delimiter: ${JSON.stringify(delimiter)}.`;
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, SHOWN_MAX).map(shown).join(', ');
  return names.length > SHOWN_MAX ? `${some} and ${names.length - SHOWN_MAX} more` : some;
}

function corrupt(message: string): MapReduceError {
  return new MapReduceError('CorruptInputError', message, { details: { offsetBytes: 0 } });
}

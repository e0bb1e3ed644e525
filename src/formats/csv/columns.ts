/** Which columns of a file a job wants. */
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { preview } from '../../base/show-value.ts';
import { shown } from './messages.ts';
import type { CsvType, WantedColumn } from './rows.ts';

/** A column that the job declares. In a file without a header, null for one that it does not want. */
export type Declared = { readonly name: string; readonly type: CsvType } | null;

const TYPES: readonly unknown[] = ['string', 'number', 'boolean', 'string?', 'number?', 'boolean?'];
/** How many of a file's columns a message lists. */
const SHOWN_MAX = 20;

/**
 * @returns undefined if the job declares no columns
 * @throws JobDefinitionError for columns that cannot be
 */
export function declaredColumns(columns: unknown, header: boolean): readonly Declared[] | undefined {
  if (columns === undefined) return undefined;
  if (typeof columns !== 'object' || columns === null) throw wrong(`received columns ${preview(columns)}`);
  const declared: readonly Declared[] = Array.isArray(columns)
    ? columns.map((name) => (name === null ? null : { name: nameOf(name), type: 'string' }))
    : Object.entries(columns).map(([name, type]) =>
        type === null ? null : { name, type: typeOf(name, type) },
      );
  const names = declared.flatMap((column) => (column === null ? [] : [column.name]));
  if (names.length === 0) throw wrong('received no columns');
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw wrong(`received the column ${preview(twice)} twice`);
  if (header && names.length < declared.length) {
    throw wrong('received null as a column, which has a meaning only with header: false');
  }
  if (!header && !Array.isArray(columns) && Object.keys(columns).some((name) => /^\d+$/.test(name))) {
    throw wrong('received a column whose name is a number, so that the order of the columns is lost');
  }
  return declared;
}

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

function nameOf(name: unknown): string {
  if (typeof name !== 'string') throw wrong(`received ${preview(name)} as the name of a column`);
  return name;
}

function typeOf(name: string, type: unknown): CsvType {
  if (!TYPES.includes(type)) {
    throw wrong(
      `received ${preview(type)} as the type of the column ${preview(name)}. The types are ${TYPES.map(preview).join(', ')}`,
    );
  }
  return type as CsvType;
}

function wrong(what: string): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `csv() ${what}. Pass a list of names, such as ['code', 'name'], or their types, such as { ts: 'number', user: 'string' }.`,
  );
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
  return delimiter === undefined ? '' : ` Its delimiter may be ${JSON.stringify(delimiter)}.`;
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, SHOWN_MAX).map(shown).join(', ');
  return names.length > SHOWN_MAX ? `${some} and ${names.length - SHOWN_MAX} more` : some;
}

function corrupt(message: string): MapReduceError {
  return new MapReduceError('CorruptInputError', message, { details: { offsetBytes: 0 } });
}

/** The source of lines of text. */
import { checkOptionNames } from '../../base/nearest-name.ts';
import { byteRanges } from '../byte-ranges.ts';
import type { OpenPiece, Source } from '../source.ts';
import {
  checkedInvalid,
  isUtf16,
  lookForMark,
  type TextEncoding,
  type TextOptions,
  textEncoding,
} from './encodings.ts';
import type { LineFilter, LineFilterOptions } from './line-filter.ts';
import { TextLinesParser, Utf16LinesParser } from './text-lines-parser.ts';

/** Options of `textLines()`. */
export interface TextLinesOptions extends TextOptions, LineFilterOptions {}

/**
 * The source of lines of text: one record per line, a string without its line end ('\n' or '\r\n'). Files may be plain,
 * gzip or zstd, and plain files are split anywhere; files that are not text are refused by name.
 *
 * Files are UTF-8, unless a byte order mark or `encoding` says otherwise. Lines that are not valid are counted as
 * 'lines not valid UTF-8', with U+FFFD in place of what is not valid; `invalid: 'bad'` makes them bad records.
 *
 * `containing` and `matching` choose lines. Blocks of many lines are searched at once, which takes less time than a search in
 * `map`. The other lines are skipped: they are not records, and nothing verifies that they are valid.
 *
 * @throws JobDefinitionError for an encoding that this runtime cannot read line by line. While the job runs, a line longer
 *   than 256 MiB, or a quarter of the worker's memory, is a RecordTooLargeError.
 *
 * @example textLines()
 * @example textLines({ encoding: 'windows-1252' })
 * @example textLines({ invalid: 'bad' })
 * @example textLines({ containing: 'ERROR' })
 * @example textLines({ matching: ({ pattern }) => new RegExp(String(pattern), 'u') })
 */
export function textLines(options: TextLinesOptions = {}): Source<string> {
  checkOptionNames('textLines()', options, ['encoding', 'invalid', 'containing', 'matching']);
  const expected = textEncoding(options.encoding ?? 'utf8');
  const invalid = checkedInvalid(options.invalid ?? 'replace', 'textLines');
  const isFiltered = options.containing !== undefined || options.matching !== undefined;
  return byteRanges({
    name: `text-lines(${expected.label})`,
    splittable: true,
    isText: true,
    look: (head) => lookForMark(head, expected),
    createParser(piece) {
      const encoding = typeof piece.look === 'string' ? textEncoding(piece.look) : expected;
      return isFiltered
        ? filteredParser(piece, encoding, { ...options, invalid })
        : parserOf(piece, encoding, invalid);
    },
  });
}

function parserOf(
  piece: OpenPiece,
  encoding: TextEncoding,
  invalid: 'replace' | 'bad',
  filter?: LineFilter,
): TextLinesParser {
  return isUtf16(encoding)
    ? new Utf16LinesParser(piece, encoding, invalid, filter)
    : new TextLinesParser(piece, encoding, invalid);
}

/** Few jobs choose lines, so the others do not load what that takes. */
async function filteredParser(
  piece: OpenPiece,
  encoding: TextEncoding,
  options: LineFilterOptions & { readonly invalid: 'replace' | 'bad' },
): Promise<TextLinesParser> {
  const { invalid } = options;
  const { lineFilter } = await import('./line-filter.ts');
  const filter = lineFilter(options, piece.params ?? {});
  if (filter === undefined || isUtf16(encoding)) return parserOf(piece, encoding, invalid, filter);
  const { FilteredLinesParser } = await import('./filtered-lines.ts');
  return new FilteredLinesParser(piece, encoding, { invalid, filter });
}

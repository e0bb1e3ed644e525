/**
 * Which lines `textLines()` delivers. Where it can, a filter looks at whole blocks of lines: most blocks of a search hold no
 * match, and are never cut into lines.
 */
import { MapReduceError } from '../../base/errors.ts';
import { preview } from '../../base/show-value.ts';
import { type BytePair, bytePair } from './byte-pair.ts';

type Parameters = Readonly<Record<string, string | number | boolean>>;

/** Options of `textLines()` that choose lines. A function receives the job's parameters; undefined chooses all lines. */
export interface LineFilterOptions {
  /** Only lines that contain this text are records. */
  readonly containing?: string | ((params: Parameters) => string | undefined);
  /** Only lines that match this regular expression are records. It sees one line at a time, without its line end. */
  readonly matching?: RegExp | ((params: Parameters) => RegExp | undefined);
}

export interface LineFilter {
  /** Text that every chosen line contains; '' if none is known. */
  readonly literal: string;
  /** A pattern that finds at least one place in every chosen line of a text of many lines, and never crosses a line end. */
  readonly block: RegExp | undefined;
  /** Two bytes that every chosen line holds, as UTF-8; undefined if none are known. */
  readonly pair: BytePair | undefined;
  readonly chooses: (line: string) => boolean;
}

/**
 * @returns undefined if all lines are chosen
 * @throws JobDefinitionError for a literal or a pattern that cannot be used
 */
export function lineFilter(options: LineFilterOptions, params: Parameters): LineFilter | undefined {
  const literal = optionFor(options.containing, params);
  const pattern = optionFor(options.matching, params);
  if (literal !== undefined && (typeof literal !== 'string' || /[\n\r]/.test(literal)))
    throw refused('containing', literal, 'text without line ends');
  if (pattern !== undefined && (!(pattern instanceof RegExp) || pattern.sticky))
    throw refused('matching', pattern, 'a regular expression without the flag y');
  if ((literal === undefined || literal === '') && pattern === undefined) return undefined;
  // Without 'g', test() always starts at the start of the line.
  const tester = pattern && new RegExp(pattern.source, pattern.flags.replace('g', ''));
  const wanted = literal ?? '';
  return {
    literal: wanted,
    block: pattern && blockPattern(pattern),
    pair: pattern && bytePair(pattern),
    chooses: (line) =>
      (wanted === '' || line.includes(wanted)) && (tester === undefined || tester.test(line)),
  };
}

function optionFor<T>(
  option: T | ((params: Parameters) => T | undefined) | undefined,
  params: Parameters,
): T | undefined {
  // The cast: no option is a function itself.
  return typeof option === 'function' ? (option as (params: Parameters) => T | undefined)(params) : option;
}

function refused(option: string, value: unknown, allowed: string): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `textLines() received ${option}: ${preview(value)}. It takes ${allowed}, or a function that returns one.`,
  );
}

/**
 * The same pattern for a text of many lines; undefined if it might cross a line end, or if whether it matches might depend on
 * what is beyond the line. With the flag m, '^' and '$' match at the line ends of the text; they also match next to a '\r'
 * and other line terminators, so what is found must be tested again.
 */
export function blockPattern({ source, flags }: RegExp): RegExp | undefined {
  // Sets of sets (v), a dot that is any character (s); look-arounds and groups with flags of their own.
  if (/[vs]/.test(flags) || /\(\?(?![:<]|<[^=!])|\(\?<[=!]/.test(source)) return undefined;
  let rewritten = '';
  for (let at = 0, isInClass = false; at < source.length; at++) {
    const character = source[at]!;
    if (character === '\\') {
      at++;
      // \s, \W, \D, \P and \p may match a line end, and so may a control character or a code.
      if ('sWDPpcxu0nr'.includes(source[at] ?? '')) return undefined;
      rewritten += character + source[at];
    } else if (!isInClass && character === '[') {
      isInClass = true;
      const isNegated = source[at + 1] === '^';
      rewritten += isNegated ? '[^\\n' : '[';
      if (isNegated) at++;
    } else {
      if (isInClass && character === ']') isInClass = false;
      // A range such as [\t-z] or [!-~]: from a control character, it may hold a line end.
      else if (isInClass && character <= '\r') return undefined;
      rewritten += character;
    }
  }
  if (/\\[tvfb]-/.test(source)) return undefined;
  return new RegExp(rewritten, `${flags.replaceAll(/[gm]/g, '')}gm`);
}

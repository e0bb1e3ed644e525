/**
 * Globs for local files and keys of a bucket, with the same rules for both:
 *
 *     *  ?          within one folder               [abc] [a-z] [!a] [^a]   one character
 *     **            any number of folders           {a,b} {1..10}           alternatives
 *     \x            x itself                        @(a|b) +(a) !(a)        extended globs
 *     folder/*      + '/': all below the folders that match
 *
 * A name that starts with '.' or '_' matches only if the pattern writes that character (spelled-names.ts). A glob selects
 * files, never the contents of a folder: 'logs/**' does that. Matching takes time proportional to the pattern and the name,
 * whatever they are.
 */
import { braceExpand, Minimatch, type MinimatchOptions } from 'minimatch';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { shortened } from '../../base/show-value.ts';
import { folderOfPattern, isHidden, wildcardIndex } from './input-names.ts';
import { spelledOutBy } from './spelled-names.ts';

export interface Glob {
  /** What every match starts with, up to and including the last '/' before the first wildcard; may be empty. */
  readonly folder: string;
  /** What every match starts with, up to the first wildcard: the prefix to list. */
  readonly prefix: string;
  /** Whether the glob selects the file or key. It selects hidden names only if it spells them out. */
  matches(name: string): boolean;
  /** Whether the glob may select anything below the folder, whose name ends in '/'. */
  mayMatchBelow(folder: string): boolean;
  /** Whether the pattern names the folder itself, without the help of '**'. The folder's name does not end in '/'. */
  namesFolder(folder: string): boolean;
}

/** @throws UsageError for a pattern that expands to too many alternatives or is too long */
export function compileGlob(pattern: string): Glob {
  const folder = folderOfPattern(pattern);
  // Matched below the folder, so that nothing in the folder's own name can act as a wildcard.
  const below = pattern.slice(folder.length);
  const wildcards = below.endsWith('/') ? `${below}**` : below;
  const matcher = compiled(wildcards, pattern);
  const folders = wildcards.slice(0, Math.max(0, wildcards.lastIndexOf('/')));
  const folderMatcher = folders === '' || folders.includes('**') ? undefined : compiled(folders, pattern);
  const spellsOut = hiddenNames(wildcards, pattern);
  return {
    folder,
    prefix: pattern.slice(0, wildcardIndex(pattern)),
    matches(name) {
      const found = name.slice(folder.length);
      return name.startsWith(folder) && matcher.match(found) && (!isHidden(found) || spellsOut(found));
    },
    mayMatchBelow(name) {
      const found = name.slice(folder.length, -1);
      return found === '' || (matcher.match(found, true) && (!isHidden(found) || spellsOut(found, true)));
    },
    namesFolder(name) {
      if (folders === '') return `${name}/` === folder;
      return folderMatcher?.match(name.slice(folder.length)) ?? false;
    },
  };
}

function compiled(wildcards: string, pattern: string): Minimatch {
  if (alternativesOf(wildcards) > LIMITS.globAlternativesMax) throw tooMany(pattern);
  return matcherOf(wildcards, pattern);
}

/** @param pattern  the user's pattern, for the error message */
function matcherOf(wildcards: string, pattern: string, options: MinimatchOptions = OPTIONS): Minimatch {
  try {
    return new Minimatch(wildcards, options);
  } catch (error) {
    // minimatch bounds the length of patterns and the number of their extended globs.
    if (error instanceof TypeError) throw tooLong(pattern, error);
    throw error;
  }
}

const OPTIONS = {
  dot: true,
  nonegate: true,
  nocomment: true,
  platform: 'linux',
  optimizationLevel: 0,
  preserveMultipleSlashes: true,
} as const;

/** A pattern for one name; not '**'. */
interface NamePattern {
  matches(name: string): boolean;
  /** For a hidden name: whether the pattern matches it and spells it out. */
  spellsOut(name: string): boolean;
}

/**
 * Returns a function that decides whether the pattern spells out each hidden name in a path that it matches. With `partial`,
 * the path is a folder, and the pattern may continue below it. The patterns are compiled for the first hidden name, since
 * most globs meet none.
 */
function hiddenNames(wildcards: string, pattern: string): (path: string, partial?: boolean) => boolean {
  let rows: (NamePattern | '**')[][] | undefined;
  return (path, partial = false) => {
    rows ??= rowsOf(wildcards, pattern);
    const names = path.split('/');
    return rows.some((row) => spellsOutPath(row, names, partial));
  };
}

function rowsOf(wildcards: string, pattern: string): (NamePattern | '**')[][] {
  const known = new Map<string, NamePattern>();
  const patternOf = (segment: string) => {
    const namePattern = known.get(segment) ?? namePatternOf(segment, pattern);
    known.set(segment, namePattern);
    return namePattern;
  };
  return braceExpand(wildcards, OPTIONS).map((row) =>
    row.split('/').map((segment) => (segment === '**' ? segment : patternOf(segment))),
  );
}

function namePatternOf(segment: string, pattern: string): NamePattern {
  const plain = matcherOf(segment, pattern, NAME_OPTIONS);
  const spelled = spelledOutBy(segment).map((spelling) => matcherOf(spelling, pattern, NAME_OPTIONS));
  return {
    matches: (name) => plain.match(name),
    spellsOut: (name) => spelled.some((matcher) => matcher.match(name)),
  };
}

const NAME_OPTIONS = { ...OPTIONS, nobrace: true } as const;

/** Goes through the names, keeping the set of all places in the row that the path may have reached. */
function spellsOutPath(
  row: readonly (NamePattern | '**')[],
  names: readonly string[],
  partial: boolean,
): boolean {
  let places = new Set<number>();
  const reach = (places: Set<number>, place: number) => {
    places.add(place);
    // '**' also matches no folder at all.
    for (let next = place; row[next] === '**'; next++) places.add(next + 1);
  };
  reach(places, 0);
  for (const name of names) {
    const after = new Set<number>();
    for (const place of places) {
      const pattern = row[place];
      if (pattern === undefined) continue;
      if (pattern === '**') {
        if (!isHidden(name)) reach(after, place);
      } else if (isHidden(name) ? pattern.spellsOut(name) : pattern.matches(name)) {
        reach(after, place + 1);
      }
    }
    places = after;
  }
  return partial ? places.size > 0 : places.has(row.length);
}

/**
 * An upper bound on the patterns that the braces expand to: minimatch silently stops expanding at a limit. Alternatives in
 * a list add up, and adjacent braces multiply.
 */
function alternativesOf(wildcards: string): number {
  /** For each open brace, and the whole pattern: the sum of the alternatives before the current one, and the current one. */
  const open = [{ sum: 0, product: 1, start: 0 }];
  for (let at = 0; at < wildcards.length; at++) {
    const level = open.at(-1)!;
    const character = wildcards[at];
    if (character === '\\') {
      at += 1;
    } else if (character === '{') {
      open.push({ sum: 0, product: 1, start: at });
    } else if (character === ',' && open.length > 1) {
      level.sum += level.product;
      level.product = 1;
    } else if (character === '}' && open.length > 1) {
      open.pop();
      const inside = wildcards.slice(level.start, at + 1);
      open.at(-1)!.product *= Math.max(level.sum + level.product, lengthOfRange(inside));
    }
  }
  // A brace that is never closed is plain text.
  return open.reduce((all, { sum, product }) => all * (sum + product), 1);
}

function lengthOfRange(brace: string): number {
  const range = /^\{(-?\d+)\.\.(-?\d+)(?:\.\.-?(\d+))?\}$/.exec(brace);
  if (range === null) return 1;
  const [, from, to, step = '1'] = range;
  return Math.floor(Math.abs(Number(to) - Number(from)) / Math.max(1, Number(step))) + 1;
}

function tooLong(pattern: string, cause: Error): MapReduceError {
  const shown = shortened(pattern);
  return new MapReduceError(
    'UsageError',
    `the pattern '${shown}' is too long or has too many groups such as '@(a|b)'. Use a wildcard such as '*' instead`,
    { cause, details: { file: shown } },
  );
}

function tooMany(pattern: string): MapReduceError {
  const shown = shortened(pattern);
  return new MapReduceError(
    'UsageError',
    `the pattern '${shown}' expands to more than ${LIMITS.globAlternativesMax} alternatives. Use a wildcard such as '*' instead of braces`,
    { details: { file: shown } },
  );
}

/**
 * Globs over files of this machine and over keys of a bucket, by one set of rules:
 *
 *     *  ?          within one folder               [abc] [a-z] [!a] [^a]   one character
 *     **            any number of folders           {a,b} {1..10}           alternatives
 *     \x            x itself                        @(a|b) +(a) !(a)        extended globs
 *     folder/*      + '/': all below the folders that match
 *
 * A glob selects files, never a folder with what is in it: 'logs/**' does that. Matching takes time in proportion to the
 * pattern and the name, whatever is written.
 */
import { Minimatch } from 'minimatch';
import { MapReduceError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { folderOfPattern, isHidden, wildcardIndex } from './input-names.ts';

export interface Glob {
  /** What every match starts with, up to and with the last '/' before the first wildcard; may be empty. */
  readonly folder: string;
  /** The same up to the first wildcard itself: what has to be listed. */
  readonly prefix: string;
  /** Whether it selects the file or key; one that is hidden only where the pattern spells that out. */
  matches(name: string): boolean;
  /** Whether it may select anything below the folder, whose name ends in '/'. */
  mayMatchBelow(folder: string): boolean;
  /** Whether the folder's name, without a '/' at its end, is spelled out by the pattern, '**' apart. */
  namesFolder(folder: string): boolean;
}

/** @throws UsageError for a pattern that stands for too many */
export function compileGlob(pattern: string): Glob {
  const folder = folderOfPattern(pattern);
  // Matched below the folder, so that nothing in the folder's own name can be taken for a wildcard.
  const below = pattern.slice(folder.length);
  const wildcards = below.endsWith('/') ? `${below}**` : below;
  const matcher = compiled(wildcards, pattern);
  const folders = wildcards.slice(0, Math.max(0, wildcards.lastIndexOf('/')));
  const folderMatcher = folders === '' || folders.includes('**') ? undefined : compiled(folders, pattern);
  return {
    folder,
    prefix: pattern.slice(0, wildcardIndex(pattern)),
    matches(name) {
      const found = name.slice(folder.length);
      return name.startsWith(folder) && matcher.match(found) && !isHidden(found, wildcards);
    },
    mayMatchBelow(name) {
      const found = name.slice(folder.length, -1);
      return found === '' || (matcher.match(found, true) && !isHidden(found, wildcards));
    },
    namesFolder(name) {
      if (folders === '') return `${name}/` === folder;
      return folderMatcher?.match(name.slice(folder.length)) ?? false;
    },
  };
}

function compiled(wildcards: string, pattern: string): Minimatch {
  if (alternativesOf(wildcards) > LIMITS.globAlternativesMax) throw tooMany(pattern);
  return new Minimatch(wildcards, {
    dot: true,
    nonegate: true,
    nocomment: true,
    platform: 'linux',
    optimizationLevel: 0,
    preserveMultipleSlashes: true,
  });
}

/**
 * How many patterns the braces stand for, or more: the package makes fewer of them than there are, and says nothing.
 * Lists add up, what stands side by side multiplies.
 */
function alternativesOf(wildcards: string): number {
  /** Of each brace that is open, and of the whole: of the alternatives before this one, and of this one. */
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
  // Braces that never close are plain text with the others in it.
  return open.reduce((all, { sum, product }) => all * (sum + product), 1);
}

function lengthOfRange(brace: string): number {
  const range = /^\{(-?\d+)\.\.(-?\d+)(?:\.\.-?(\d+))?\}$/.exec(brace);
  if (range === null) return 1;
  const [, from, to, step = '1'] = range;
  return Math.floor(Math.abs(Number(to) - Number(from)) / Math.max(1, Number(step))) + 1;
}

function tooMany(pattern: string): MapReduceError {
  const shown = pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern;
  return new MapReduceError(
    'UsageError',
    `the pattern '${shown}' stands for more than ${LIMITS.globAlternativesMax} alternatives. Use a wildcard, such as '*', in place of its braces`,
    { details: { file: shown } },
  );
}

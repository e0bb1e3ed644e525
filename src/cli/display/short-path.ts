import { relative } from 'node:path';

/** As one would type it from here; the whole path where that is shorter. */
export function shortPath(path: string): string {
  const fromHere = relative('', path) || '.';
  return fromHere.startsWith('../..') || fromHere.length > path.length ? path : fromHere;
}

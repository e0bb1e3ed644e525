import { relative } from 'node:path';

/** The path relative to the working folder, or the absolute path if that is shorter. */
export function shortPath(path: string): string {
  const fromHere = relative('', path) || '.';
  return fromHere.startsWith('../..') || fromHere.length > path.length ? path : fromHere;
}

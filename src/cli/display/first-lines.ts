/** The first lines of a job's result, without reading a whole part. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartReport } from '../../report/report.ts';
import { isCompressedName } from '../../report/result-names.ts';
import type { FirstLines } from './summary.ts';

const LINES_MAX = 5;
/** How much of a part is read for its first lines. */
export const FIRST_LINES_BYTES_MAX = 16 * 1024;

/** The first lines of the first part that holds a record and is not compressed; undefined if no part does. */
export async function firstLines(
  outputFolder: string,
  parts: readonly PartReport[],
): Promise<FirstLines | undefined> {
  const part = parts.find(({ name, records }) => records > 0 && !isCompressedName(name));
  if (part === undefined) return undefined;
  await using file = await open(join(outputFolder, part.name));
  const { bytesRead, buffer } = await file.read(
    Buffer.alloc(FIRST_LINES_BYTES_MAX),
    0,
    FIRST_LINES_BYTES_MAX,
    0,
  );
  return firstLinesOf(part.name, buffer.toString('utf8', 0, bytesRead));
}

/** Omits blank lines: sorted text starts with all of its blank lines, and the result would look empty. */
export function firstLinesOf(name: string, start: string): FirstLines {
  const all = start.split('\n');
  // Drops what follows the last line end. A truncated line is kept only if it is the only line.
  if (all.length > 1) all.pop();
  const isBlank = (line: string) => line.trim() === '';
  return {
    name,
    lines: all.filter((line) => !isBlank(line)).slice(0, LINES_MAX),
    areSomeBlank: all.slice(0, LINES_MAX).some(isBlank),
  };
}

/** A look at a job's result: the first lines of its parts, without reading them whole. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartReport } from '../../report/report.ts';
import type { FirstLines } from './summary.ts';

const LINES_MAX = 5;
/** Of a part: as much as is read for them. */
export const FIRST_LINES_BYTES_MAX = 16 * 1024;

/** Of the first part that holds a record; undefined when none does. */
export async function firstLines(
  outputFolder: string,
  parts: readonly PartReport[],
): Promise<FirstLines | undefined> {
  const part = parts.find(({ records }) => records > 0);
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

/** Blank lines are left out: sorted text begins with all that it has, and looks like no result at all. */
export function firstLinesOf(name: string, start: string): FirstLines {
  const all = start.split('\n');
  // The piece after the last line's end, or a line that was cut by the buffer's: the latter only if it is all there is.
  if (all.length > 1) all.pop();
  const isBlank = (line: string) => line.trim() === '';
  return {
    name,
    lines: all.filter((line) => !isBlank(line)).slice(0, LINES_MAX),
    areSomeBlank: all.slice(0, LINES_MAX).some(isBlank),
  };
}

/** A look at a job's result: the first lines of its parts, without reading them whole. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartReport } from '../report.ts';
import type { FirstLines } from './summary.ts';

const LINES_MAX = 5;
const BYTES_MAX = 16 * 1024;

/** Of the first part that holds a record; undefined when none does. */
export async function firstLines(
  outputFolder: string,
  parts: readonly PartReport[],
): Promise<FirstLines | undefined> {
  const part = parts.find(({ records }) => records > 0);
  if (part === undefined) return undefined;
  await using file = await open(join(outputFolder, part.name));
  const { bytesRead, buffer } = await file.read(Buffer.alloc(BYTES_MAX), 0, BYTES_MAX, 0);
  const lines = buffer.toString('utf8', 0, bytesRead).split('\n', LINES_MAX + 1);
  // The piece after the last line's end, or a line that was cut by the buffer's: the latter only if it is all there is.
  if (lines.length > 1) lines.pop();
  return { name: part.name, lines: lines.slice(0, LINES_MAX) };
}

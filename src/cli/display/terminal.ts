/**
 * Prints text that contains untrusted words, such as names, ids, messages and results. Characters that would control the
 * terminal (escape sequences, other control characters, characters that reorder a line) are shown as a dot. Only the colours
 * of paint.ts pass.
 */
import { isControl, paintOrControl } from './paint.ts';
import { writeToStderr, writeToStdout } from './standard-streams.ts';

export function print(text: string): void {
  writeToStdout(shown(text));
}

export function printToStderr(text: string): void {
  writeToStderr(shown(text));
}

/**
 * Prints a document for programs on stdout. The same characters become JSON escapes, so the document does not change.
 */
export function printJson(document: unknown): void {
  writeToStdout(`${escapedJson(JSON.stringify(document, undefined, 2))}\n`);
}

/** Prints a line of JSON, with such characters escaped. */
export function printJsonLine(line: string): void {
  writeToStdout(`${escapedJson(line)}\n`);
}

function shown(text: string): string {
  return text.replace(paintOrControl, (found) => (isControl(found) ? '\u00b7' : found));
}

/** JSON escapes those below U+0020 itself; a raw one is whitespace between values. */
function escapedJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

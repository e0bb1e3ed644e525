/**
 * The one way to stdout and stderr for text that has others' words in it: names, ids, messages, results. What would command
 * the terminal instead of showing there (escape sequences, other control characters, characters that reorder a line) is
 * shown as a dot. Colours of paint.ts pass.
 */
import { isControl, paintOrControl } from './paint.ts';
import { writeToStderr, writeToStdout } from './standard-streams.ts';

export function print(text: string): void {
  writeToStdout(shown(text));
}

export function printToStderr(text: string): void {
  writeToStderr(shown(text));
}

/** A document for programs, on stdout. The same characters are written as JSON's own escapes: the same document. */
export function printJson(document: unknown): void {
  writeToStdout(`${escapedJson(JSON.stringify(document, undefined, 2))}\n`);
}

/** One line of JSON as it is, but for such characters. */
export function printJsonLine(line: string): void {
  writeToStdout(`${escapedJson(line)}\n`);
}

function shown(text: string): string {
  return text.replace(paintOrControl, (found) => (isControl(found) ? '\u00b7' : found));
}

/** JSON escapes those below U+0020 itself; a raw one stands between values, as line ends and indents do. */
function escapedJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Colours where the stream shows them: on a terminal without NO_COLOR, and on any stream with FORCE_COLOR. */
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export function paintFor(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

/** For streams without colour, and for tests. */
export const plainPaint: Paint = (_style, text) => text;

/** Control characters except tab and line feed, and characters that change the direction of text. */
const CONTROL = String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]`;
const control = new RegExp(CONTROL, 'g');

/** What styleText() writes for the styles above, or a control character. */
export const paintOrControl = new RegExp(String.raw`\u001b\[(?:1|2|22|31|32|33|36|39)m|${CONTROL}`, 'g');

export function isControl(found: string): boolean {
  return found.length === 1;
}

/** Makes untrusted text (messages, names, results) safe to print: no control character reaches the terminal. */
export function printable(text: string): string {
  return text.replace(control, '\u00b7');
}

/** The same for a name of a file or a counter, on one line: a second line could look like output of this program. */
export function printableName(text: string): string {
  return printable(text).replace(/[\t\n]/g, '\u00b7');
}

/** The same for a message, which may quote such a name. Its further lines are indented. */
export function printableMessage(text: string): string {
  return printable(text).replaceAll('\n', '\n    ');
}

/** Truncates text to `charsMax` characters, with '…' at the end if something was removed. */
export function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, Math.max(0, charsMax - 1))}…`;
}

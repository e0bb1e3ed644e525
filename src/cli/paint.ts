/** Colours, where the stream shows them: a terminal, unless NO_COLOR says otherwise; any stream under FORCE_COLOR. */
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export function paintFor(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

/** For streams without colour, and for tests. */
export const plainPaint: Paint = (_style, text) => text;

/** Text of others (messages, names, results) as it may be shown: no control character reaches the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\u00b7');
}

/** At most `charsMax` characters, with '…' for what was cut. */
export function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, Math.max(0, charsMax - 1))}…`;
}

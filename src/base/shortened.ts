/** Long texts in messages and reports, which show only their beginning. */

/** The text, or its beginning and '…', of at most `charactersMax` characters in all. */
export function cut(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1).toWellFormed()}…`;
}

/** How much of a received value messages quote. */
const QUOTED_CHARACTERS_MAX = 100;

/** A received value for a message, with its length if only the beginning is quoted. */
export function shortened(text: string): string {
  return text.length <= QUOTED_CHARACTERS_MAX
    ? text
    : `${text.slice(0, QUOTED_CHARACTERS_MAX).toWellFormed()}… (${text.length} characters)`;
}

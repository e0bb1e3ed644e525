/** Values received are quoted in messages; of a long one its beginning is enough. */
const SHOWN_CHARACTERS_MAX = 100;

export function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS_MAX
    ? text
    : `${text.slice(0, SHOWN_CHARACTERS_MAX).toWellFormed()}… (${text.length} characters)`;
}

/** Finding strings and property names in JSON text without parsing it. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Returns the index of the quote that closes a string; -1 if there is none.
 *
 * @param from  inside the string, not after a backslash that escapes the character there
 */
export function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return -1;
}

/** Whether a colon follows, so that the string that ends at `from` is a property name. */
export function isBeforeColon(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  return text[at] === ':';
}

/** Shows users' values in messages. */

const PREVIEW_CHARACTERS_MAX = 80;

/** Formats the value, short enough for a message. Never throws, although user code may pass anything. */
export function preview(value: unknown): string {
  let text: string;
  try {
    if (typeof value === 'string') text = JSON.stringify(value.slice(0, PREVIEW_CHARACTERS_MAX + 1));
    else if (typeof value === 'function') text = `function ${value.name || '(anonymous)'}`;
    else if (typeof value === 'bigint') text = `${value}n`;
    else if (Object.is(value, -0)) text = '-0';
    else if (value !== null && typeof value === 'object') text = JSON.stringify(value) ?? String(value);
    else text = String(value);
  } catch {
    // Cycles and BigInt inside objects, objects without a prototype, hostile getters.
    text = 'a value that cannot be printed';
  }
  return text.length > PREVIEW_CHARACTERS_MAX ? `${text.slice(0, PREVIEW_CHARACTERS_MAX)}...` : text;
}

/** The name of the value's type or class. Never throws. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  try {
    if (Array.isArray(value)) return `array of ${value.length}`;
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== 'Object' && name !== '' ? name : 'object';
  } catch {
    return 'object';
  }
}

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

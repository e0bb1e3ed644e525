/**
 * Finds names that an object in a JSON text has twice. JSON.parse silently keeps the last value, which is hardly what the
 * author of both meant.
 */
import { closingQuote, isBeforeColon, parseJson } from './parse-json.ts';

interface Frame {
  /** The names of an object so far; undefined for an array. */
  readonly names: Set<string> | undefined;
  /** The name or index of the value that is being read. */
  at: string | number;
}

/**
 * @param text  valid JSON
 * @returns the path of the first duplicate name, from the outermost object or array; undefined if there is none
 */
export function duplicateName(text: string): readonly (string | number)[] | undefined {
  const frames: Frame[] = [];
  for (let at = 0; at < text.length; at++) {
    const frame = frames.at(-1);
    switch (text[at]) {
      case '{':
        frames.push({ names: new Set(), at: '' });
        break;
      case '[':
        frames.push({ names: undefined, at: 0 });
        break;
      case '}':
      case ']':
        frames.pop();
        break;
      case ',':
        if (typeof frame?.at === 'number') frame.at++;
        break;
      case '"': {
        const quote = closingQuote(text, at + 1);
        if (quote === -1) return undefined;
        if (frame?.names !== undefined && isBeforeColon(text, quote + 1)) {
          const name = String(parseJson(text.slice(at, quote + 1)));
          frame.at = name;
          if (frame.names.has(name)) return frames.map((outer) => outer.at);
          frame.names.add(name);
        }
        at = quote;
        break;
      }
    }
  }
  return undefined;
}

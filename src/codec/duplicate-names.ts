/**
 * Names that an object of a JSON text has twice. JSON.parse takes the last value without a word; whoever wrote both meant
 * something else.
 */
import { parseJson } from './parse-json.ts';

interface Frame {
  /** Of an object: its names so far. */
  readonly names: Set<string> | undefined;
  /** Where in it the value stands that is being read. */
  at: string | number;
}

/**
 * @param text  JSON, which parseJson() takes
 * @returns the path of the first such name, from the outermost object or array; undefined where there is none
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
        const end = endOfString(text, at);
        const isName = frame?.names !== undefined && nextIsColon(text, end);
        if (isName) {
          const name = parseJson(text.slice(at, end)) as string;
          frame.at = name;
          if (frame.names.has(name)) return frames.map((outer) => outer.at);
          frame.names.add(name);
        }
        at = end - 1;
        break;
      }
    }
  }
  return undefined;
}

/** Behind the closing quote. */
function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"' || at >= text.length) return at + 1;
  }
}

function nextIsColon(text: string, from: number): boolean {
  let at = from;
  while (/\s/.test(text[at] ?? '')) at++;
  return text[at] === ':';
}

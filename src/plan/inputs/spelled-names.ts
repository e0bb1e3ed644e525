/**
 * Which hidden names a glob spells out. A name that starts with '.' or '_' is matched only by a pattern that writes this
 * character where the name starts: literally ('_y', '\_y'), in a class that lists it ('[_b]*', but not '[!a]*' or
 * '[+-z]*'), or in a group ('@(_y|b)', '?(_)y'). Braces must be expanded before.
 */

/**
 * @param segment  a pattern for one name, without '/' and braces
 * @returns patterns that together match exactly the names that the segment matches and spells out. Their total length is at
 *   most a few times that of the segment, once for each optional group at its start.
 */
export function spelledOutBy(segment: string): string[] {
  const first = segment[0] === '\\' ? segment[1] : segment[0];
  if (first === '.' || first === '_') return [segment];
  if (first === '[' && segment[0] === '[') {
    const end = endOfClass(segment, 0);
    const listed =
      end === undefined || /^\[[!^]/.test(segment) ? '' : segment.slice(1, end).replaceAll(POSIX_CLASS, '');
    return ['.', '_']
      .filter((character) => listed.includes(character))
      .map((character) => character + segment.slice(end! + 1));
  }
  const group = groupAtStart(segment);
  if (group === undefined || group.kind === '!') return [];
  const { kind, alternatives, rest } = group;
  const spelled = alternatives.flatMap(spelledOutBy);
  const more = kind === '*' || kind === '+' ? `*(${alternatives.join('|')})` : '';
  return [
    ...(spelled.length === 0 ? [] : [`@(${spelled.join('|')})${more}${rest}`]),
    ...(mayBeNothing({ ...group, rest: '' }) ? spelledOutBy(rest) : []),
  ];
}

const POSIX_CLASS = /\[:[a-z]+:\]/g;

interface Group {
  /** '@', '?', '+', '*' or '!'. */
  readonly kind: string;
  readonly alternatives: readonly string[];
  /** What follows the group. */
  readonly rest: string;
}

function groupAtStart(segment: string): Group | undefined {
  if (!/^[@?+*!]\(/.test(segment)) return undefined;
  const alternatives: string[] = [];
  let depth = 1;
  let start = 2;
  for (let at = 2; at < segment.length; at++) {
    const character = segment[at]!;
    if (character === '\\') {
      at += 1;
    } else if (character === '[') {
      at = endOfClass(segment, at) ?? at;
    } else if ('@?+*!'.includes(character) && segment[at + 1] === '(') {
      depth += 1;
      at += 1;
    } else if (character === '|' && depth === 1) {
      alternatives.push(segment.slice(start, at));
      start = at + 1;
    } else if (character === ')') {
      depth -= 1;
      if (depth > 0) continue;
      alternatives.push(segment.slice(start, at));
      return { kind: segment[0]!, alternatives, rest: segment.slice(at + 1) };
    }
  }
  return undefined; // It is never closed, so it is plain text.
}

/** Whether the group and the rest match an empty text. Wildcards do not count, since they spell out nothing. */
function mayBeNothing({ kind, alternatives, rest }: Group): boolean {
  if (kind === '!') return false;
  const groupMay = kind === '?' || kind === '*' || alternatives.some(isNothing);
  return groupMay && isNothing(rest);
}

function isNothing(segment: string): boolean {
  if (segment === '') return true;
  const group = groupAtStart(segment);
  return group !== undefined && mayBeNothing(group);
}

/** The index of the ']' of the class that starts there; undefined for a '[' that never closes and so is plain text. */
function endOfClass(segment: string, start: number): number | undefined {
  // A ']' in the first place is one of the characters.
  const [opening] = /^\[[!^]?\]?/.exec(segment.slice(start, start + 3))!;
  for (let at = start + opening.length; at < segment.length; at++) {
    if (segment[at] === ']') return at;
    if (segment[at] === '\\') at += 1;
    else if (segment.startsWith('[:', at)) at = Math.max(at, segment.indexOf(':]', at) + 1);
  }
  return undefined;
}

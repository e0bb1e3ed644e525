/** Random JSON texts, and texts that are almost JSON. */
import fc from 'fast-check';

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'id', 'é', '漢', '😀', '', '__proto__', 'a\\b', 'new\nline', 'toString', '1'),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);

const scalar = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1.5, 1e21, 123456789012345, 0.1, 4e-7),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.toWellFormed()),
  name,
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

/** A value that JSON can hold. */
export const jsonValue: fc.Arbitrary<unknown> = value;

/** How a writer may write a character of a string. */
const escapedAs = fc.constantFrom(0, 0, 0, 1, 2);
/** White space that a writer may put between tokens of one line. */
const space = fc.constantFrom('', '', '', ' ', '\t', '  ', '\r');

/** The text of a value as some writer may write it: with escapes that are not needed, white space, and repeated names. */
export const jsonLine: fc.Arbitrary<string> = fc
  .tuple(
    jsonValue,
    fc.array(escapedAs, { minLength: 7, maxLength: 7 }),
    fc.array(space, { minLength: 5, maxLength: 5 }),
  )
  .map(([written, escapes, spaces]) => new Writer(escapes, spaces).write(written));

class Writer {
  readonly #escapes: readonly number[];
  readonly #spaces: readonly string[];
  #turn = 0;

  constructor(escapes: readonly number[], spaces: readonly string[]) {
    this.#escapes = escapes;
    this.#spaces = spaces;
  }

  write(written: unknown): string {
    return this.#space() + this.#text(written) + this.#space();
  }

  #text(written: unknown): string {
    if (typeof written === 'string') return this.#string(written);
    if (typeof written === 'number' && Number.isSafeInteger(written) && this.#turn++ % 3 === 0)
      return `${written}e0`;
    if (Object.is(written, -0)) return '-0';
    if (typeof written !== 'object' || written === null) return JSON.stringify(written);
    if (Array.isArray(written))
      return `[${written.map((entry) => this.write(entry)).join(',') || this.#space()}]`;
    const members = Object.entries(written).map(
      ([member, entry]) => `${this.#space()}${this.#string(member)}${this.#space()}:${this.write(entry)}`,
    );
    if (members.length > 1 && this.#turn++ % 5 === 0) members.unshift(members[1]!);
    return `{${members.join(',') || this.#space()}}`;
  }

  #string(text: string): string {
    const characters = [...text].map((character) => {
      const plain = JSON.stringify(character).slice(1, -1);
      const how = this.#escapes[this.#turn++ % this.#escapes.length];
      if (how === 0) return plain;
      if (how === 1 && character === '/') return '\\/';
      return [...character.matchAll(/[\s\S]/g)]
        .map(([unit]) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('');
    });
    return `"${characters.join('')}"`;
  }

  #space(): string {
    return this.#spaces[this.#turn++ % this.#spaces.length]!;
  }
}

const odd = fc.constantFrom(
  ...['{', '}', '[', ']', ',', ':', '"', '\\', "'", '0', '-', '.', 'e', '1', ' ', '\t', '\0', '\x7f', 'NaN'],
  ...['null', 'tru', '\\u12', '\\ud800', '//', '/*x*/', '1,2', '[1', '2]', '{}', '\ufeff', '\u2028', 'é'],
);

/** A line that may be JSON, and often almost is. */
export const almostJson: fc.Arbitrary<string> = fc.oneof(
  jsonLine,
  fc
    .tuple(jsonLine, fc.nat(), fc.nat({ max: 3 }), fc.oneof(odd, fc.constant('')))
    .map(([text, at, removed, added]) => {
      const place = at % (text.length + 1);
      return (text.slice(0, place) + added + text.slice(place + removed)).toWellFormed();
    }),
  fc.array(odd, { maxLength: 6 }).map((parts) => parts.join('')),
);

/** JSON.parse, as a test: undefined for text that is not JSON. */
export function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

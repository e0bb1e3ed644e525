import fc from 'fast-check';
import { anyText } from './laws.ts';

/** A finite number; not -0, which becomes 0 as a key. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

/** Any JSON, small enough that similar values are likely. Includes names such as __proto__. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, false, true),
    fc.oneof(fc.constantFrom(0, 1, -1), finite),
    fc.oneof(fc.constantFrom('', 'a', 'a\0', 'ab'), anyText),
    fc.array(tie('any'), { maxLength: 3 }),
    fc
      .array(
        fc.tuple(
          fc.oneof(fc.constantFrom('a', 'b', '1', '__proto__', '\uffff', '\u{10000}'), anyText),
          tie('any'),
        ),
        {
          maxLength: 3,
        },
      )
      .map((entries) => Object.fromEntries(entries)),
  ),
})).any;

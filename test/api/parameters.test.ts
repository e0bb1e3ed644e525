import { describe, expect, it } from 'vitest';
import type { ParameterValue } from '../../src/api/job.ts';
import { resolveParameters } from '../../src/api/parameters.ts';
import { defineJob, lines, type ParameterSpecs, textLines } from '../../src/index.ts';

function resolve(params: ParameterSpecs, given: Readonly<Record<string, ParameterValue>>) {
  const job = defineJob({
    name: 'grep',
    description: '',
    input: textLines(),
    params,
    map: () => {},
    output: lines(),
  });
  return resolveParameters(job, given);
}

const SPECS: ParameterSpecs = {
  pattern: { type: 'string', description: 'what to look for' },
  case: { type: 'string', choices: ['keep', 'lower'], default: 'keep', description: 'letter case' },
  least: { type: 'number', default: 1, description: 'least length' },
  invert: { type: 'boolean', default: false, description: 'lines that do not match' },
};

describe('resolveParameters()', () => {
  it('takes what was given, and the defaults of the rest', () => {
    expect(resolve(SPECS, { pattern: 'fox' })).toEqual({
      pattern: 'fox',
      case: 'keep',
      least: 1,
      invert: false,
    });
    expect(resolve(SPECS, { pattern: '', case: 'lower', least: '2.5', invert: 'true' })).toEqual({
      pattern: '',
      case: 'lower',
      least: 2.5,
      invert: true,
    });
    expect(resolve(SPECS, { pattern: 'x', least: 0, invert: false })).toMatchObject({
      least: 0,
      invert: false,
    });
  });

  it.each([
    [{}, "job 'grep': parameter 'pattern' is required. Add --set pattern=<string>   (what to look for)"],
    [{ pattern: 'x', case: 'upper' }, "job 'grep': parameter 'case' is one of keep, lower; received 'upper'"],
    [{ pattern: 'x', least: 'two' }, "job 'grep': parameter 'least' is a number; received 'two'"],
    [{ pattern: 'x', least: ' ' }, "job 'grep': parameter 'least' is a number; received ' '"],
    [{ pattern: 'x', least: Number.NaN }, "job 'grep': parameter 'least' is a number; received 'NaN'"],
    [
      { pattern: 'x', least: 'Infinity' },
      "job 'grep': parameter 'least' is a finite number; received 'Infinity'",
    ],
    [
      { pattern: 'x', least: '-1e999' },
      "job 'grep': parameter 'least' is a finite number; received '-1e999'",
    ],
    [
      { pattern: 'x', least: Number.POSITIVE_INFINITY },
      "job 'grep': parameter 'least' is a finite number; received 'Infinity'",
    ],
    [{ pattern: 'x', invert: 'yes' }, "job 'grep': parameter 'invert' is true or false; received 'yes'"],
    [
      { patern: 'x' },
      "job 'grep' has no parameter 'patern'. Did you mean 'pattern'? It has pattern, case, least, invert",
    ],
    [
      { somethingElse: 1 },
      "job 'grep' has no parameter 'somethingElse'. It has pattern, case, least, invert",
    ],
  ])('refuses %j', (given, message) => {
    expect(() => resolve(SPECS, given)).toThrow(expect.objectContaining({ name: 'UsageError', message }));
  });

  it('gives what the tasks read in the JSON of the plan', () => {
    for (const least of ['-0', '-0.0', '1e-400', '0x10', '9007199254740993', '0.1']) {
      const resolved = resolve(SPECS, { pattern: 'x', least });

      expect(JSON.parse(JSON.stringify(resolved))).toEqual(resolved);
    }
  });

  it('says so when a job takes no parameters', () => {
    expect(() => resolve({}, { a: 1 })).toThrow("job 'grep' has no parameter 'a'. It has none");
  });

  it('is not confused by names that every object has', () => {
    expect(() => resolve(SPECS, { pattern: 'x', toString: 'y' })).toThrow("has no parameter 'toString'");
    expect(() =>
      resolve({ constructor: { type: 'string', description: 'x' } } as ParameterSpecs, {}),
    ).toThrow("parameter 'constructor' is required");
  });
});

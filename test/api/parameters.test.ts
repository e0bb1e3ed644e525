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
  it('takes the given values, and the defaults of the others', () => {
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
    [
      { pattern: 'x', case: 'upper' },
      "job 'grep': parameter 'case' must be one of keep, lower; received 'upper'",
    ],
    [{ pattern: 'x', least: 'two' }, "job 'grep': parameter 'least' must be a number; received 'two'"],
    [{ pattern: 'x', least: ' ' }, "job 'grep': parameter 'least' must be a number; received ' '"],
    [{ pattern: 'x', least: Number.NaN }, "job 'grep': parameter 'least' must be a number; received 'NaN'"],
    [
      { pattern: 'x', least: 'Infinity' },
      "job 'grep': parameter 'least' must be a finite number; received 'Infinity'",
    ],
    [
      { pattern: 'x', least: '-1e999' },
      "job 'grep': parameter 'least' must be a finite number; received '-1e999'",
    ],
    [
      { pattern: 'x', least: Number.POSITIVE_INFINITY },
      "job 'grep': parameter 'least' must be a finite number; received 'Infinity'",
    ],
    [{ pattern: 'x', invert: 'yes' }, "job 'grep': parameter 'invert' must be true or false; received 'yes'"],
    [
      { patern: 'x' },
      "job 'grep' has no parameter 'patern'. Did you mean 'pattern'? Its parameters are pattern, case, least, invert",
    ],
    [
      { somethingElse: 1 },
      "job 'grep' has no parameter 'somethingElse'. Its parameters are pattern, case, least, invert",
    ],
  ])('refuses %j', (given, message) => {
    expect(() => resolve(SPECS, given)).toThrow(expect.objectContaining({ name: 'UsageError', message }));
  });

  it('returns values that survive the JSON of the plan', () => {
    for (const least of ['-0', '-0.0', '1e-400', '0x10', '9007199254740993', '0.1']) {
      const resolved = resolve(SPECS, { pattern: 'x', least });

      expect(JSON.parse(JSON.stringify(resolved))).toEqual(resolved);
    }
  });

  it('says that a job has no parameters', () => {
    expect(() => resolve({}, { a: 1 })).toThrow("job 'grep' has no parameter 'a'. It has no parameters");
  });

  it('treats names of Object.prototype as unknown parameters', () => {
    expect(() => resolve(SPECS, { pattern: 'x', toString: 'y' })).toThrow("has no parameter 'toString'");
    expect(() =>
      resolve({ constructor: { type: 'string', description: 'x' } } as ParameterSpecs, {}),
    ).toThrow("parameter 'constructor' is required");
  });
});

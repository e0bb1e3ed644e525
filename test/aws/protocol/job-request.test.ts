import { describe, expect, it } from 'vitest';
import { parseJobRequest, parseJobRequestText } from '../../../src/aws/protocol/job-request.ts';

const WHAT = 'the request requests/daily.json';

describe('a request', () => {
  it('has no inputs if the app generates them, or lists of them by name', () => {
    const inputs = { users: ['data/u.jsonl'], events: ['data/e/', 'data/more/'] };

    expect(parseJobRequest({ app: 'pi' }, WHAT).inputs).toEqual([]);
    expect(parseJobRequest({ app: 'joined', inputs }, WHAT).inputs).toEqual(inputs);
  });

  it('needs an app, and has defaults for the rest', () => {
    expect(parseJobRequest({ app: 'word-count', inputs: ['data/'] }, WHAT)).toEqual({
      app: 'word-count',
      inputs: ['data/'],
      params: {},
      merge: false,
    });
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'keeps a parameter named %s',
    (name) => {
      const { params } = parseJobRequestText(`{"app":"a","inputs":["x"],"params":{"${name}":"kept"}}`, WHAT);

      expect(Object.entries(params)).toEqual([[name, 'kept']]);
    },
  );

  it.each([
    [{ inputs: ['data/'] }, 'app'],
    [{ app: 'a', inputs: { users: 'x' } }, 'inputs.users: must be a list of names; received "x"'],
    [
      { app: 'a', inputs: { users: ['x', ''] } },
      "inputs: users.1: is empty. Name an object, a prefix that ends in '/'",
    ],
    [{ app: 'a', inputs: { users: ['data/../x'] } }, "inputs: users.0: has '.' or '..' between slashes"],
    [
      { app: 'a', inputs: { users: Array(600).fill('x'), events: Array(401).fill('x') } },
      'inputs: has 1001 names; the maximum is 1000',
    ],
    [{ app: 'a', inputs: 5 }, 'inputs: must be a list of names, or an object of lists by input; received 5'],
    [{ app: 'a', inputs: [''] }, "inputs.0: is empty. Name an object, a prefix that ends in '/', or a glob"],
    [
      { app: 'a', inputs: ['x'], reducers: 1.5 },
      'reducers: must be a whole number from 0 to 10000; received 1.5',
    ],
    [
      { app: 'a', inputs: ['x'], reducers: '8' },
      'reducers: must be a whole number from 0 to 10000; received',
    ],
    [
      { app: 'a', inputs: ['x'], maxTasks: 0 },
      'maxTasks: must be a whole number from 1 to 160000; received 0',
    ],
    [
      { app: 'a', inputs: ['x'], maxConcurrency: 0 },
      'maxConcurrency: must be a whole number from 1 to 10000; received 0',
    ],
    [
      { app: 'a', inputs: ['x'], maxDollars: 0 },
      'maxDollars: must be a number of US dollars above 0 and up to 1000000; received 0',
    ],
    [{ app: 'a', inputs: ['x'], maxDollars: '$2' }, 'maxDollars: must be a number of US dollars'],
    [{ app: 'a', inputs: ['x'], output: 'results/' }, "output: must be a prefix such as 'output/daily/'"],
    [{ app: 'a', inputs: ['x'], output: 'output/' }, "received 'output/'"],
    [{ app: 'a', inputs: ['x'], params: { deep: { er: 1 } } }, 'params.deep'],
    [{ app: 'a', inputs: ['x'], reducer: 3 }, 'reducer'],
    [{ app: 'a', inputs: ['x'], jobId: '../../x' }, 'jobId: must consist of 1 to 80 letters'],
    [{ app: 'a', inputs: ['data/../work/x'] }, "inputs.0: has '.' or '..' between slashes"],
    [{ app: 'a', inputs: ['./data/x'] }, "inputs.0: has '.' or '..' between slashes"],
    [{ app: 'a', inputs: ['data/\ud800'] }, 'inputs.0: contains a lone surrogate'],
    // 1,024 bytes are the bound, not characters.
    [{ app: 'a', inputs: [`data/${'é'.repeat(600)}`] }, 'inputs.0: has 1205 bytes; the maximum is 1024'],
    [{ app: 'a', inputs: ['x'], output: '' }, "output: must be a prefix such as 'output/daily/'"],
    [{ app: 'a', inputs: ['x'], output: '/' }, "output: must be a prefix such as 'output/daily/'"],
    [{ app: 'a', inputs: ['x'], output: '/output/a/' }, "output: must be a prefix such as 'output/daily/'"],
    [
      { app: 'a', inputs: ['x'], output: 'input/word-count/' },
      "output: must be a prefix such as 'output/daily/'",
    ],
    [{ app: 'a', inputs: ['x'], output: 'work/other/' }, "output: must be a prefix such as 'output/daily/'"],
    [{ app: 'a', inputs: ['x'], output: 'output//' }, "output: contains '//'"],
    [{ app: 'a', inputs: ['x'], output: 'output/../input/a/' }, "output: has '.' or '..' between slashes"],
    [
      { app: 'a', inputs: ['x'], output: 'output/a\nb/' },
      'output: contains a control character; received "output/a\\nb/"',
    ],
    [
      { app: 'a', inputs: ['x'], output: `output/${'a'.repeat(900)}/` },
      'output: has 908 bytes; the maximum is 900',
    ],
    [['x'], 'is not valid: must be an object with app, inputs, output'],
    [{ app: 5, inputs: ['x'] }, 'app: must be a text; received 5'],
    [
      { app: 'a', inputs: 'x' },
      'inputs: must be a list of names, or an object of lists by input; received "x"',
    ],
    [{ app: 'a', inputs: ['x', { key: 'y' }] }, 'inputs.1: must be a text; received Object'],
    [{ app: 'a', inputs: ['x'], merge: 'yes' }, 'merge: must be true or false; received "yes"'],
    [{ app: 'a', inputs: ['x'], reducers: '8' }, 'received "8"'],
    [{ app: 'a', inputs: ['x'], output: null }, 'output: must be a text; received null'],
    [
      { app: 'a', inputs: ['x'], params: { deep: null } },
      'params.deep: must be a text, a number, or true or false',
    ],
    [{ inputs: ['x'] }, 'app: is missing'],
    [
      { app: 'a', inputs: ['x'], parms: {} },
      'parms: unknown field. Did you mean "params"? The fields are app, inputs',
    ],
  ])('%j is refused, and the message reports the problem', (request, message) => {
    expect(() => parseJobRequest(request, WHAT)).toThrow(message);
  });

  it('reports all problems at once', () => {
    expect(() => parseJobRequest({ inputs: [''], merge: 'yes' }, WHAT)).toThrow(/app.*; inputs.*; merge/);
  });

  it.each([
    ['{"app":"a","inputs":["x"],"app":"b"}', 'app: occurs twice'],
    ['{"app":"a","inputs":["x"],"params":{"n":1,"n":1}}', 'params.n: occurs twice'],
    ['{"app":"a","inputs":["x"],"params":{"n":1,"\\u006e":2}}', 'params.n: occurs twice'],
    ['{"app":"a","inputs":["x"],"params":{"__proto__":1,"__proto__":2}}', 'params.__proto__: occurs twice'],
    ['{"app":"a","inputs":["x",{"a":[{"b":1,"b":2}]}]}', 'inputs.1.a.0.b: occurs twice'],
  ])('with a field that occurs twice is refused, because the last one would win: %s', (text, message) => {
    expect(() => parseJobRequestText(text, WHAT)).toThrow(`${WHAT} is not valid: ${message}`);
  });

  it('that is not JSON is reported as such', () => {
    expect(() => parseJobRequestText('{"app": ', WHAT)).toThrow(`${WHAT} is not JSON`);
  });
});

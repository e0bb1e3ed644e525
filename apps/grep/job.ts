import { defineJob, lines, textLines } from 'serverless-mapreduce';

export default defineJob({
  name: 'grep',
  description: 'The lines that match a regular expression, in the order of the input',
  input: textLines({
    matching: ({ pattern, 'ignore-case': ignoreCase, invert }) =>
      invert ? undefined : new RegExp(String(pattern), ignoreCase ? 'iu' : 'u'),
  }),
  params: {
    pattern: { type: 'string', description: "a JavaScript regular expression, for example 'colou?r'" },
    'ignore-case': { type: 'boolean', default: false, description: 'true: "A" matches "a"' },
    invert: { type: 'boolean', default: false, description: 'true: print the lines that do not match' },
    'with-file': {
      type: 'boolean',
      default: false,
      description: 'true: print the path and a colon before each line',
    },
  },
  setup: (params) => new RegExp(params.pattern, params['ignore-case'] ? 'iu' : 'u'),
  map(line, { emit, file, params, state: pattern }) {
    if (pattern.test(line) !== params.invert) emit(null, params['with-file'] ? `${file}:${line}` : line);
  },
  output: lines(),
});

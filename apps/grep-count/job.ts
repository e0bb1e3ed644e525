import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'grep-count',
  description: 'How many lines of each file match a regular expression, or how often each match occurs',
  input: textLines({
    matching: ({ pattern, 'ignore-case': ignoreCase }) =>
      new RegExp(String(pattern), ignoreCase ? 'iu' : 'u'),
  }),
  params: {
    pattern: { type: 'string', description: "a JavaScript regular expression, for example 'colou?r'" },
    'ignore-case': { type: 'boolean', default: false, description: 'true: "A" matches "a"' },
    by: {
      type: 'string',
      choices: ['file', 'match'],
      default: 'file',
      description: 'file: count the matching lines of each file; match: count each text that matched',
    },
  },
  setup: (params) => new RegExp(params.pattern, params['ignore-case'] ? 'giu' : 'gu'),
  key: 'string',
  value: 'number',
  map(line, { emit, file, params, state: pattern }) {
    // Only lines that match come here.
    if (params.by === 'file') {
      emit(file, 1);
    } else {
      for (const match of line.match(pattern) ?? []) emit(match, 1);
    }
  },
  reduce: 'sum',
  output: tsv(),
});

import { basename } from 'node:path';
import { defineJob, distinct, json, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'inverted-index',
  description: 'The documents in which each word occurs',
  input: textLines(),
  params: {
    names: {
      type: 'string',
      choices: ['short', 'full'],
      default: 'short',
      description: 'short: name a document by its file name; full: by its whole path',
    },
  },
  key: 'string',
  value: json<readonly string[]>(),
  map(line, { emit, file, params }) {
    const document = [params.names === 'short' ? basename(file) : file];
    for (const word of new Set(line.match(/\p{L}+/gu))) emit(word.toLowerCase(), document);
  },
  combine: distinct(),
  reduce: 'combined',
  output: tsv(),
});

import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'longest',
  description: 'The longest word that starts with each letter',
  input: textLines(),
  key: 'string',
  value: 'string',
  map(line, { emit }) {
    for (const word of line.toLowerCase().match(/\p{L}+/gu) ?? []) emit([...word][0]!, word);
  },
  combine: (a, b) => (b.length > a.length ? b : a),
  reduce: 'combined',
  output: tsv(),
});

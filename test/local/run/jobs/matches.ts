import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'matches',
  description: 'Lines with the word quick, as they come',
  input: textLines(),
  map(line, { emit, position }) {
    if (line.includes('quick')) emit(position().offsetBytes, line);
  },
  output: tsv(),
});

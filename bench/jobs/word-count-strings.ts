import { defineJob, textLines, tsv } from 'serverless-mapreduce';

const NO_WORD = -1;

/** A tokenizer of the user's own, and a string and a call of emit() for each word. The corpus is ASCII. */
export default defineJob({
  name: 'word-count-strings',
  description: 'Word count that cuts the words itself, one string each',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    const text = line.toLowerCase();
    let start = NO_WORD;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x61 && code <= 0x7a) {
        if (start === NO_WORD) start = i;
      } else if (start !== NO_WORD) {
        emit(text.slice(start, i), 1);
        start = NO_WORD;
      }
    }
    if (start !== NO_WORD) emit(text.slice(start), 1);
  },
  reduce: 'sum',
  output: tsv(),
});

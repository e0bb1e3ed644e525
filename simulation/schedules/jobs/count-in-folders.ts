import { csv, defineJob, inFolders, textLines, tsv } from '../../../src/index.ts';

/** Writes several files per task: one output in folders by the first letter, and one with a header. */
export default defineJob({
  name: 'count-in-folders',
  description: 'Count how often each word occurs, in a folder for each first letter',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce(word, ones, { emit }) {
    let count = 0;
    for (const one of ones) count += one;
    emit.counts(word, count);
    if (count > 2) emit.often(null, { word, count });
  },
  output: {
    counts: inFolders((word: string) => ({ letter: word.slice(0, 1) }), tsv()),
    often: csv(['word', 'count']),
  },
});

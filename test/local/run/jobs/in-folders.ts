import { csv, defineJob, gzip, inFolders, textLines, tsv } from '../../../../src/index.ts';

/** Counts words into folders by their first letter, and lists those that occur often. */
export default defineJob({
  name: 'in-folders',
  description: 'Words by first letter',
  input: textLines(),
  params: { misbehave: { type: 'string', default: 'no', description: 'fails at this word' } },
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    for (const word of line.split(/\s+/)) if (word !== '') emit(word, 1);
  },
  reduce(word, ones, { emit, params }) {
    if (word === params.misbehave) throw new Error('a bad word');
    const count = [...ones].length;
    emit.counts(word, count);
    if (count > 1) emit.often(null, [word, count]);
  },
  output: {
    counts: inFolders((word: string) => ({ letter: word.slice(0, 1) }), tsv()),
    often: gzip(csv(['word', 'count'])),
  },
});

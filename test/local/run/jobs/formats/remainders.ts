import { defineJob, generate, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'remainders',
  description: 'How many of the first numbers have each remainder',
  input: generate('numbers'),
  params: {
    numbers: { type: 'number', description: 'how many numbers' },
    refused: { type: 'number', default: -1, description: 'the number at which map throws' },
  },
  key: 'number',
  value: 'number',
  map(number, { emit, params }) {
    if (number === params.refused) throw new Error('refused');
    emit(number % 3, 1);
  },
  reduce: 'sum',
  output: tsv(),
});

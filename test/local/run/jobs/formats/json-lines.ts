import { defineJob, jsonLines, tsv } from 'serverless-mapreduce';
import * as z from 'zod';

/** Skips three bad records. */
export default defineJob({
  name: 'json-lines',
  description: 'The amounts of each country',
  input: jsonLines(z.object({ country: z.string(), amount: z.number() }), { select: ['country', 'amount'] }),
  onBadRecord: { skip: 3 },
  key: 'string',
  value: 'number',
  map: ({ country, amount }, { emit }) => emit(country, amount),
  reduce: 'sum',
  output: tsv(),
});

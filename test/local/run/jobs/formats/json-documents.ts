import { defineJob, jsonDocuments, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'json-documents',
  description: 'How often each event occurs',
  input: jsonDocuments<{ readonly event: string }>({ path: 'Records' }),
  key: 'string',
  value: 'number',
  map: ({ event }, { emit }) => emit(event, 1),
  reduce: 'sum',
  output: tsv(),
});

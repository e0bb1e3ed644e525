/** The workload `csv`: how many orders, pieces and how much money each product has. */
import { csv, defineJob, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'orders-csv',
  description: 'Orders, quantity and amount of each product, from CSV',
  input: csv({ columns: { product: 'string', quantity: 'number', amount: 'number' } }),
  key: 'string',
  value: ['number', 'number', 'number'],
  map: ({ product, quantity, amount }, { emit }) => emit(product, [1, quantity, amount]),
  reduce: 'sum',
  output: tsv(),
});

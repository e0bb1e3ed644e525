/** The workload `jsonl`: how many orders, pieces and how much money each product has. */
import { defineJob, jsonLines, tsv } from 'serverless-mapreduce';

interface Order {
  readonly product: string;
  readonly quantity: number;
  readonly amount: number;
}

export default defineJob({
  name: 'orders-jsonl',
  description: 'Orders, quantity and amount of each product, from JSON Lines',
  input: jsonLines<Order>({ select: ['product', 'quantity', 'amount'] }),
  key: 'string',
  value: ['number', 'number', 'number'],
  map: ({ product, quantity, amount }, { emit }) => emit(product, [1, quantity, amount]),
  reduce: 'sum',
  output: tsv(),
});

// One task on polars' streaming engine: node polars.js <task> <input> <output> <threads> <pattern>
// Lines are read as a CSV with one column and neither separator nor quote that text contains.
const [task, input, output, threads, pattern] = process.argv.slice(2);
process.env.POLARS_MAX_THREADS = threads;
const { default: pl } = await import('nodejs-polars');

const lines = pl.scanCSV(task === 'gzip-word-count' ? `${input}/*.gz` : input, {
  hasHeader: false,
  sep: '\x01',
  quoteChar: '\x02',
  inferSchemaLength: 0,
  rechunk: false,
});
const line = pl.col('column_1');

const words = () =>
  lines
    .select(line.str.toLowerCase().str.replaceAll('[^a-z]', ' ').str.split(' ').alias('word'))
    .explode('word')
    .filter(pl.col('word').neq(pl.lit('')))
    .groupBy('word')
    .agg(pl.col('word').count().alias('count'));

// A sum that is whole is written without decimals, as JavaScript does.
const groups = (orders) =>
  orders
    .groupBy('product')
    .agg(
      pl.col('product').count().alias('orders'),
      pl.col('quantity').sum().alias('pieces'),
      pl.col('amount').sum().alias('money'),
    )
    .withColumn(pl.col('money').cast(pl.Utf8).str.replace('[.]0$', '').alias('money'));

const tasks = {
  'word-count': words,
  'gzip-word-count': words,
  'jsonl-groups': () => groups(pl.scanJson(input)),
  'csv-groups': () => groups(pl.scanCSV(input, { rechunk: false })),
  sort: () => lines.sort(line.str.slice(0, 10)),
  grep: () =>
    lines.select(
      pl.lit('matches').alias('name'),
      line.str.contains(pattern).cast(pl.UInt64).sum().alias('count'),
    ),
};

tasks[task]()
  .sinkCSV(output, {
    includeHeader: false,
    separator: '\t',
    quoteStyle: 'never',
    maintainOrder: task === 'sort',
  })
  .collectSync({ engine: 'streaming' });

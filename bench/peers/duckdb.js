// One task on DuckDB, written as its users would: node duckdb.js <task> <input> <output> <threads> <pattern>
// Lines are read as a CSV with one column and neither separator, quote nor escape that text contains.
import { DuckDBInstance } from '@duckdb/node-api';

const [task, input, output, threads, pattern] = process.argv.slice(2);
const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const files = task === 'gzip-word-count' ? `${input}/*.gz` : input;
const lines = `read_csv(${quote(files)}, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
  delim = '\x01', quote = '', escape = '')`;

const words = `
    SELECT word, count(*)
    FROM (SELECT unnest(regexp_split_to_array(lower(line), '[^a-z]+')) AS word FROM ${lines})
    WHERE word <> '' GROUP BY word`;
// A sum that is whole is written without decimals, as JavaScript does.
const groups = (orders) => `
    SELECT product, count(*), CAST(sum(quantity) AS BIGINT), regexp_replace(CAST(sum(amount) AS VARCHAR), '[.]0$', '')
    FROM ${orders} GROUP BY product`;

const queries = {
  'word-count': words,
  'gzip-word-count': words,
  'jsonl-groups': groups(`read_json(${quote(input)}, format = 'newline_delimited',
    columns = {'product': 'VARCHAR', 'quantity': 'INTEGER', 'amount': 'DOUBLE'})`),
  'csv-groups': groups(`read_csv(${quote(input)}, header = true, delim = ',', quote = '"', escape = '"',
    auto_detect = false, columns = {'id': 'BIGINT', 'time': 'VARCHAR', 'user': 'VARCHAR', 'product': 'VARCHAR',
    'quantity': 'INTEGER', 'amount': 'DOUBLE', 'express': 'BOOLEAN', 'status': 'VARCHAR', 'note': 'VARCHAR',
    'city': 'VARCHAR'})`),
  sort: `SELECT line FROM ${lines} ORDER BY substr(line, 1, 10)`,
  grep: `SELECT 'matches', count(*) FROM ${lines} WHERE regexp_matches(line, ${quote(pattern ?? '')})`,
};

const instance = await DuckDBInstance.create(':memory:', { threads });
const connection = await instance.connect();
await connection.run(
  `COPY (${queries[task]}) TO ${quote(output)} (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '')`,
);
connection.closeSync();

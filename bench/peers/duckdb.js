// One task on DuckDB, written as its users would: node duckdb.js <task> <input> <output> <threads> <pattern>
// Lines are read as a CSV with one column and neither separator, quote nor escape that text contains.
import { DuckDBInstance } from '@duckdb/node-api';

const [task, input, output, threads, pattern] = process.argv.slice(2);
const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const lines = `read_csv(${quote(input)}, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
  delim = '\x01', quote = '', escape = '')`;

const queries = {
  'word-count': `
    SELECT word, count(*)
    FROM (SELECT unnest(regexp_split_to_array(lower(line), '[^a-z]+')) AS word FROM ${lines})
    WHERE word <> '' GROUP BY word`,
  sort: `SELECT line FROM ${lines} ORDER BY substr(line, 1, 10)`,
  grep: `SELECT 'matches', count(*) FROM ${lines} WHERE regexp_matches(line, ${quote(pattern ?? '')})`,
};

const instance = await DuckDBInstance.create(':memory:', { threads });
const connection = await instance.connect();
await connection.run(
  `COPY (${queries[task]}) TO ${quote(output)} (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '')`,
);
connection.closeSync();

#!/bin/sh
# A word count with DuckDB's own command ($DUCKDB), which starts faster than Python or Node.js:
# sh duckdb-cli.sh <task> <input> <output> <threads> <pattern>
set -eu
task=$1 input=$2 output=$3 threads=$4
[ "$task" = word-count ] || { echo "duckdb-cli.sh: unknown task $task" >&2; exit 2; }

# An empty file of settings instead of the user's.
exec "$DUCKDB" -init /dev/null -batch -bail -c "
  SET threads = $threads;
  COPY (
    SELECT word, count(*) FROM (
      SELECT unnest(regexp_extract_all(lower(line), '[a-z]+')) AS word
      FROM read_csv('$input', columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
        delim = chr(1), quote = '', escape = ''))
    GROUP BY word
  ) TO '$output' (FORMAT csv, HEADER false, DELIMITER '	', QUOTE '', ESCAPE '')"

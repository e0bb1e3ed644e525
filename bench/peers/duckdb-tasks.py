"""One task on DuckDB: python duckdb-tasks.py <task> <input> <output> <threads> <pattern>

Each task is the fastest query that we found; README.md of the benchmark lists the others. Lines are read as a CSV with one
column and neither separator, quote nor escape that text contains.
"""

import sys

import duckdb

task, source, output, threads, pattern = sys.argv[1:6]


def quote(text):
    return "'" + text.replace("'", "''") + "'"


files = f"{source}/*.gz" if task.startswith("gzip") else source
lines = f"""read_csv({quote(files)}, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
    delim = '\x01', quote = '', escape = '')"""

# The query as one would write it: cut the words out, count them.
words_direct = f"""
    SELECT word, count(*)
    FROM (SELECT unnest(regexp_extract_all(lower(line), '[a-z]+')) AS word FROM {lines}) GROUP BY word"""
# Twice as fast where words repeat: counts what stands between spaces, and cuts words out of the different ones only.
words = f"""
    SELECT word, CAST(sum(times) AS BIGINT)
    FROM (
        SELECT unnest(regexp_extract_all(lower(token), '[a-z]+')) AS word, times
        FROM (
            SELECT token, count(*) AS times
            FROM (SELECT unnest(string_split(line, ' ')) AS token FROM {lines}) GROUP BY token
        )
    )
    GROUP BY word"""
# For an input that is known to have nothing but words of small letters and single spaces.
tokens = f"SELECT word, count(*) FROM (SELECT unnest(string_split(line, ' ')) AS word FROM {lines}) GROUP BY word"


def groups(orders):
    # A sum that is whole is written without decimals, as JavaScript does.
    return f"""
    SELECT product, count(*), CAST(sum(quantity) AS BIGINT), regexp_replace(CAST(sum(amount) AS VARCHAR), '[.]0$', '')
    FROM {orders} GROUP BY product"""


queries = {
    "word-count": words,
    "word-count-direct": words_direct,
    "gzip-word-count": words,
    "gzip-word-count-direct": words_direct,
    "token-count": tokens,
    "token-count-direct": words_direct,
    "jsonl-groups": groups(
        f"""read_json({quote(source)}, format = 'newline_delimited',
        columns = {{'product': 'VARCHAR', 'quantity': 'INTEGER', 'amount': 'DOUBLE'}})"""
    ),
    "csv-groups": groups(
        f"""read_csv({quote(source)}, header = true, delim = ',', quote = '"', escape = '"', auto_detect = false,
        columns = {{'id': 'BIGINT', 'time': 'VARCHAR', 'user': 'VARCHAR', 'product': 'VARCHAR', 'quantity': 'INTEGER',
        'amount': 'DOUBLE', 'express': 'BOOLEAN', 'status': 'VARCHAR', 'note': 'VARCHAR', 'city': 'VARCHAR'}})"""
    ),
    "sort": f"SELECT line FROM {lines} ORDER BY left(line, 10)",
    "grep": f"SELECT 'matches', count(*) FROM {lines} WHERE regexp_matches(line, {quote(pattern)})",
}

statement = (
    f"COPY ({queries[task]}) TO {quote(output)} (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '')"
)
if __name__ == "__main__":
    # The order of the input need not be kept; that of ORDER BY is.
    config = {"threads": int(threads), "preserve_insertion_order": False}
    duckdb.connect(":memory:", config=config).execute(statement)

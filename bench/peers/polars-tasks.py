"""One task on polars' streaming engine: python polars-tasks.py <task> <input> <output> <threads> <pattern>

Each task is the fastest query that we found; README.md of the benchmark lists the others.
"""

import os
import sys

task, source, output, threads, pattern = sys.argv[1:6]
os.environ["POLARS_MAX_THREADS"] = threads

import polars as pl  # noqa: E402  (it reads the number of threads when it is imported)


def lines():
    """A CSV with one column and neither separator nor quote that text contains."""
    files = f"{source}/*.gz" if task.startswith("gzip") else source
    return pl.scan_csv(files, has_header=False, separator="\x01", quote_char=None, schema={"line": pl.String})


line = pl.col("line")
token = pl.col("token")


def words_direct():
    """The query as one would write it: cut the words out, count them."""
    return (
        lines()
        .select(line.str.to_lowercase().str.split("[^a-z]+", literal=False).alias("word"))
        .explode("word")
        .filter(pl.col("word") != "")
        .group_by("word")
        .agg(pl.len())
    )


def tokens():
    return lines().select(line.str.split(" ").alias("token")).explode("token").group_by("token").agg(pl.len().alias("times"))


def words():
    """Faster where words repeat: counts what stands between spaces, and cuts words out of the different ones only."""
    return (
        tokens()
        .select(token.str.to_lowercase().str.split("[^a-z]+", literal=False).alias("word"), "times")
        .explode("word")
        .filter(pl.col("word") != "")
        .group_by("word")
        .agg(pl.col("times").sum())
    )


def groups(orders):
    # A sum that is whole is written without decimals, as JavaScript does.
    return (
        orders.group_by("product")
        .agg(pl.len().alias("orders"), pl.col("quantity").sum(), pl.col("amount").sum())
        .with_columns(pl.col("amount").cast(pl.String).str.replace("[.]0$", ""))
    )


tasks = {
    "word-count": words,
    "word-count-direct": words_direct,
    "gzip-word-count": words,
    "gzip-word-count-direct": words_direct,
    # For an input that is known to have nothing but words of small letters and single spaces.
    "token-count": tokens,
    "token-count-direct": words_direct,
    "jsonl-groups": lambda: groups(pl.scan_ndjson(source)),
    "csv-groups": lambda: groups(pl.scan_csv(source)),
    # The whole line, which is cheaper than to cut the key out, and orders by the key too.
    "sort": lambda: lines().sort("line"),
    "grep": lambda: lines().select(
        pl.lit("matches").alias("name"), line.str.contains(pattern).sum().alias("count")
    ),
}

if __name__ == "__main__":
    tasks[task]().sink_csv(
        output,
        include_header=False,
        separator="\t",
        quote_style="never",
        maintain_order=task == "sort",
        # It sorts in memory faster than in its stream.
        engine="in-memory" if task == "sort" else "streaming",
    )

#!/bin/sh
# One task with awk ($AWK: mawk, gawk or awk): sh awk.sh <task> <input> <output> <threads> <pattern>
set -eu
export LC_ALL=C
task=$1 input=$2 output=$3 pattern=${5-}

case $task in
  # Two tr commands split the text into words on another core, which is twice as fast as awk's split.
  word-count | token-count)
    tr 'A-Z' 'a-z' < "$input" | tr -cs 'a-z' '\n' |
      "$AWK" '$0 != "" { count[$0]++ } END { for (word in count) print word "\t" count[word] }' > "$output" ;;
  grep) PATTERN=$pattern "$AWK" 'BEGIN { p = ENVIRON["PATTERN"] } $0 ~ p { n++ } END { print "matches\t" n + 0 }' "$input" > "$output" ;;
  *) echo "awk.sh: unknown task $task" >&2; exit 2 ;;
esac

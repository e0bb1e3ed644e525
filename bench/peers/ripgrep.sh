#!/bin/sh
# Counts matching lines with ripgrep ($RIPGREP): sh ripgrep.sh <task> <input> <output> <threads> <pattern>
set -eu
task=$1 input=$2 output=$3 threads=$4 pattern=${5-}
[ "$task" = grep ] || { echo "ripgrep.sh: unknown task $task" >&2; exit 2; }

# Bytes instead of Unicode, as in the other contenders. It searches one file in one thread.
"$RIPGREP" --no-config --no-unicode --threads "$threads" --count --regexp "$pattern" -- "$input" > "$output" || [ $? -eq 1 ]

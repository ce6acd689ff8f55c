#!/usr/bin/env bash
# Measures every speed case at every size, on one thread and on two, and writes
# results-<threads>.json beside this file. One thread is measured in CPU time and can
# run on a busy machine; two need an idle one.
set -euo pipefail
cd "$(dirname "$0")"
for threads in 1 2; do
    python -m skext bench speed --threads "$threads" --size small typical large \
        --json "results-$threads.json"
done

#!/usr/bin/env bash
# Measures the shipped models and the masked convolution on this machine, and puts the tables into docs/benchmarks.md.
#
#   benchmarks/cpu.sh FOLDER...     folders of photos, 2048 pixels wide or more
#
# AMSR is the command to run, THREADS the CPU threads, REPEATS the measurements whose median counts, PHOTOS the most
# photos of each folder for the networks, FEW those for the operator and the crossover.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

folders=()
for folder in "$@"; do folders+=(--data "$folder"); done
bench() {
    ${AMSR:-amsr} bench "${folders[@]}" --threads "${THREADS:-2}" --repeats "${REPEATS:-5}" \
        --markdown docs/benchmarks.md "$@"
}

bench --operators --pictures "${FEW:-2}"
bench --crossover --pictures "${FEW:-2}"
bench --openvino ${PHOTOS:+--pictures "$PHOTOS"}

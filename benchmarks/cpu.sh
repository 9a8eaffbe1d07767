#!/usr/bin/env bash
# Measures the shipped models and the masked convolution on this machine, and puts the tables into docs/benchmarks.md.
#
#   benchmarks/cpu.sh FOLDER...     folders of photos, 2048 pixels wide or more
#
# AMSR is the command to run, THREADS the CPU threads, REPEATS the measurements whose median counts, WIDTH the width to
# which the photos are reduced, PHOTOS the most photos of each folder for the networks, FEW those for operator and
# crossover.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }

report=$(cd "$(dirname "$0")/../docs" && pwd)/benchmarks.md
folders=()
for folder in "$@"; do folders+=(--data "$folder"); done

bench() {
    ${AMSR:-amsr} bench "${folders[@]}" --width "${WIDTH:-2048}" --threads "${THREADS:-2}" --repeats "${REPEATS:-5}" \
        --markdown "$report" "$@"
}

bench --operators --pictures "${FEW:-2}"
bench --crossover --pictures "${FEW:-2}"
bench --openvino ${PHOTOS:+--pictures "$PHOTOS"}

#!/usr/bin/env bash
# Measures the shipped models and the masked convolution on this machine, and puts the tables into docs/benchmarks/.
#
#   benchmarks/cpu.sh FOLDER...     folders of photos, 2048 pixels wide or more
#
# AMSR is the command to run, PAGE the name of the page (that of the instruction set), THREADS the CPU threads, REPEATS
# the measurements whose median counts, WIDTH the width to which the photos are reduced, PHOTOS the most photos of each
# folder for the networks, FEW those for the slow networks. Operators are measured on one of each folder, of
# half the width. OPENVINO= leaves OpenVINO out, which uses AVX-512 wherever the processor has it.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

report=$(cd "$(dirname "$0")/../docs/benchmarks" && pwd)/${PAGE:-avx512}.md
folders=()
for folder in "$@"; do folders+=(--data "$folder"); done

bench() {
    ${AMSR:-amsr} bench "${folders[@]}" --threads "${THREADS:-2}" --repeats "${REPEATS:-3}" --markdown "$report" "$@"
}

width=${WIDTH:-2048}
openvino=${OPENVINO---openvino}
few=(--pictures "${FEW:-2}" --width "$width")
bench --operators --channels 28 --channels 32 --channels 48 --channels 52 --channels 64 --pictures 1 --width $((width / 2))
bench $openvino --backbone disp --backbone fsrcnn --backbone carn --width "$width" ${PHOTOS:+--pictures "$PHOTOS"}
bench $openvino --backbone srresnet --backbone swinir "${few[@]}"

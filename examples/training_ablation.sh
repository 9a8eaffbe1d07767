#!/usr/bin/env bash
# What the mask schedule and the choice of patches do: one short training for each, all else equal.
# usage: training_ablation.sh BACKBONE TRAIN_FOLDER VALIDATION_FOLDER OUT [STEPS [OPTIONS OF amsr train...]]
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2; }
backbone=$1 data=$2 validation=$3 out=$4 steps=${5:-5000} options=("${@:6}")

variant() {
    local name=$1
    shift
    local run=$out/$name
    amsr train --backbone "$backbone" --data "$data" --validation "$validation" --out "$run" --steps "$steps" \
        "${options[@]}" "$@"
    amsr export --backbone "$backbone" --weights "$run/weights.safetensors" --output "$run/model.onnx"
    amsr eval --model "$run/model.onnx" --data "$validation" --json "$run/masked.json"
}

variant default
variant fixed-mask --fixed-mask
variant uniform-patches --uniform-patches
variant full-size-only --reductions 1

echo "Mean over $validation after $steps steps:"
for name in default fixed-mask uniform-patches full-size-only; do
    python3 - "$name" "$out/$name/masked.json" <<'PYTHON'
import json, sys
name, path = sys.argv[1:]
with open(path) as file:
    mean = json.load(file)["mean"]
print(f"{name:16} PSNR-Y {mean['psnr_y']:.3f} dB  SSIM {mean['ssim']:.4f}  density {mean['density']:.3f}")
PYTHON
done

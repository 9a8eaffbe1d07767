#!/usr/bin/env bash
# Trains the networks on one machine within a budget of time; it needs PyTorch, safetensors, NumPy, Pillow and click.
# usage: [DATA=build/crops.tar] [PYTHON=python3] train_all.sh MINUTES [OUT [OPTIONS OF amsr train...]]
#
# Two queues run side by side, so that one network computes while another reads its pictures and compiles. DISP x4 has the
# most: three quarters of a queue. An interrupted run is resumed; a finished one starts again from its own weights,
# a new one from those that ship. Checkpoints are written each minute; $OUT/NAME.log is the log of a training.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
minutes=$1 out=${2:-runs/all} options=("${@:3}")
data=${DATA:-$root/build/crops.tar} python=${PYTHON:-python3}
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((($(nproc) + 1) / 2))}
deadline=$((SECONDS + $(awk "BEGIN { print int(60 * $minutes) }")))
start_seconds=20 # imports and pictures, before the time of a training counts; a guess for the first in a queue
least_seconds=10 # for a network whose queue has spent its time
mkdir -p "$out"
gpu=$("$python" -c 'import click, torch; print(int(torch.cuda.is_available()))')

first_file() {
    local file
    for file; do
        if [[ -f $file ]]; then
            echo "$file"
            return
        fi
    done
}

# Options of a new run from the newest weights; those of an earlier run stay in $run.before.
new_run() {
    local name=$1 scale=$2 batch=$3 seconds=$4 run=$5 init
    if [[ -f $run/weights.safetensors ]]; then
        rm -rf "$run.before"
        mv "$run" "$run.before"
    else
        rm -rf "$run"
    fi
    init=$(first_file "$run.before/weights.safetensors" "$root/amsr_deploy/weights/${name}_x$scale.safetensors" \
        "$out/${name}_x4/weights.safetensors" "$root/amsr_deploy/weights/${name}_x4.safetensors")
    more+=(--backbone "$name" --scale "$scale" --validate-every 1000000)
    trained=$((seconds > 2 * start_seconds ? seconds - start_seconds : (seconds + 1) / 2))
    more+=(--minutes "$(awk "BEGIN { print $trained / 60 }")")
    if [[ $init ]]; then more+=(--init "$init"); fi
    if ((gpu)); then more+=(--batch-size "$batch"); fi
}

# Trains one network for some seconds; it is stopped, and saves, where it takes much longer.
train() {
    local name=$1 scale=$2 batch=$3 seconds=$4 run=$out/$1_x$2 status=0 more=() trained=0 began=$SECONDS
    if [[ -f $run/state.safetensors && ! -f $run/finished ]]; then
        more=(--resume)
    else
        new_run "$name" "$scale" "$batch" "$seconds" "$run"
    fi
    echo "$name x$scale: $seconds seconds, ${more[*]}"
    timeout --signal TERM $((seconds + 2 * start_seconds)) "$python" -m amsr_deploy train --out "$run" \
        --data "$data" --save-minutes 1 --no-tensorboard "${more[@]}" "${options[@]}" >>"$run.log" 2>&1 &
    child=$!
    wait "$child" || status=$?
    if ((status == 0)); then
        touch "$run/finished"
        if ((trained)); then start_seconds=$((SECONDS - began - trained)); fi
    fi
    echo "$name x$scale: ended with $status: $(tail -n 1 "$run.log")"
}

# Networks one after another, each with its share of the time that is left: NAME SCALE SHARE BATCH_SIZE.
queue() {
    local child='' name scale share batch other seconds total
    trap 'kill "$child"; wait "$child" || true; exit 143' TERM
    while (($#)); do
        total=0
        for other; do
            read -r _ _ share _ <<<"$other"
            total=$((total + share))
        done
        read -r name scale share batch <<<"$1"
        seconds=$(((deadline - SECONDS) * share / total))
        train "$name" "$scale" "$batch" "$((seconds > least_seconds ? seconds : least_seconds))"
        shift
    done
}

queue "disp 4 3 64" "disp 2 1 64" &
queues=($!)
queue "fsrcnn 4 2 256" "carn 4 3 64" "srresnet 4 3 64" "swinir 4 8 32" &
queues+=($!)
trap 'kill "${queues[@]}"; wait; exit 143' INT TERM
wait "${queues[@]}"
for run in disp_x4 disp_x2 swinir_x4 carn_x4 srresnet_x4 fsrcnn_x4; do
    if [[ ! -f $out/$run/weights.safetensors ]]; then
        echo "$run has left no weights; see $out/$run.log"
        exit 1
    fi
done

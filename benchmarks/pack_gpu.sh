#!/usr/bin/env bash
# Builds what benchmarks/gpu.py needs on a bare machine with a GPU, so that it spends no time on that: the tests of the
# kernels, their benchmark and C interface, the TensorRT plugins with their host, and the operators for ONNX Runtime.
# They hold CUDA's runtime.
#
#   benchmarks/pack_gpu.sh [PHOTO]      into build/gpu_pack, of 4 MiB at most
#
# PHOTO is reduced to the picture that networks are measured on; without it a small one of this repository is repeated.
# ARCHITECTURE is the kind of GPU (90), JOBS the compilers at once, PYTHON has Pillow. TENSORRT_INCLUDE_DIR holds
# TensorRT's headers; where it is not set, .ci/fetch-tensorrt-headers fetches them.
set -euo pipefail
case ${1-} in -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;; esac
photo=${1:+$(realpath -e "$1")}
cd "$(dirname "$0")/.."
architecture=${ARCHITECTURE:-90}
build=build/gpu_pack_build
pack=build/gpu_pack
if [ -n "$photo" ]; then
    mkdir -p "$build"
    "${PYTHON:-python3}" benchmarks/photo.py "$photo" "$build/photo.png"
fi
headers=${TENSORRT_INCLUDE_DIR:-$(.ci/fetch-tensorrt-headers build/tensorrt-headers)}

cmake -S plugins -B "$build" -DCMAKE_BUILD_TYPE=Release -DAMSR_TESTS=ON -DAMSR_CUDA=ON -DAMSR_TENSORRT=ON \
    -DCMAKE_CUDA_ARCHITECTURES="$architecture-real" -DTENSORRT_INCLUDE_DIR="$(realpath "$headers")"
programs=(tests/cuda/test_cuda_{rows,convolution,mask,window_layer} tests/cuda/amsr_cuda_benchmark
    tests/plugin_host/amsr_plugin_host tensorrt/libamsr_tensorrt.so c_api/libamsr_cuda_kernels.so
    onnxruntime/libamsr_onnxruntime.so)
targets=()
for program in "${programs[@]}"; do
    name=$(basename "$program" .so)
    targets+=("${name#lib}")
done
cmake --build "$build" --parallel "${JOBS:-1}" --target "${targets[@]}"

rm -rf "$pack"
mkdir -p "$pack"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
for program in "${programs[@]}"; do
    mkdir -p "$stage/$(dirname "$program")"
    strip --strip-unneeded -o "$stage/$program" "$build/$program"
done
tar -C "$stage" --sort=name --owner=0 --group=0 -cf - . | xz -9e >"$pack/sm_$architecture.tar.xz"
[ -z "$photo" ] || cp "$build/photo.png" "$pack/"

bytes=$(du -sb "$pack" | cut -f1)
echo "$pack: $bytes bytes, programs for sm_$architecture"
ls -l "$pack"
[ "$bytes" -le $((4 << 20)) ] || { echo "that is more than 4 MiB" >&2; exit 1; }

# amsr for NVIDIA GPUs whose driver knows CUDA 13: docker build -f docker/cuda.Dockerfile -t amsr-cuda .
# Then: docker run --rm --gpus all -u "$(id -u):$(id -g)" -v "$PWD:/pictures" amsr-cuda infer photo.jpg --device cuda
FROM nvidia/cuda:13.0.1-devel-ubuntu24.04 AS build
RUN apt-get update && apt-get install --yes --no-install-recommends g++ python3-venv
COPY . /source
RUN python3 -m venv /opt/amsr \
    && AMSR_CUDA=1 /opt/amsr/bin/pip install --no-cache-dir "/source[gpu]"
RUN /opt/amsr/bin/pip uninstall --yes onnxruntime \
    && /opt/amsr/bin/pip install --no-cache-dir --force-reinstall --no-deps onnxruntime-gpu
RUN grep -q nv_fatbin /opt/amsr/lib/python3*/site-packages/amsr_deploy/native/libamsr_onnxruntime.so

FROM nvidia/cuda:13.0.1-base-ubuntu24.04
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/amsr /opt/amsr
ENV PATH=/opt/amsr/bin:$PATH HOME=/tmp
WORKDIR /pictures
ENTRYPOINT ["amsr"]

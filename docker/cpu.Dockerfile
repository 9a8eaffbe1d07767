# amsr for processors: docker build -f docker/cpu.Dockerfile -t amsr .
# Then: docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/pictures" amsr infer photo.jpg
FROM debian:13-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends g++ python3-venv
COPY . /source
RUN python3 -m venv /opt/amsr && /opt/amsr/bin/pip install --no-cache-dir /source
RUN /opt/amsr/bin/python -c "from amsr_deploy import native; assert native.library_path(), 'no kernels were compiled'"

FROM debian:13-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/amsr /opt/amsr
ENV PATH=/opt/amsr/bin:$PATH HOME=/tmp
WORKDIR /pictures
ENTRYPOINT ["amsr"]

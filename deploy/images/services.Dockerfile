# What a grid of the compose file stores things in: Redis, a registry, Prometheus from Debian's packages, and Azurite, which speaks Azure Storage. One image for all
# of them, as each is small and they are for trying things out. deploy/images.sh makes the context.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl docker-registry nodejs prometheus redis-server redis-tools \
 && rm -rf /var/lib/apt/lists/*
COPY azurite /usr/local/lib/azurite
RUN printf '#!/bin/sh\nexec node /usr/local/lib/azurite/node_modules/azurite/dist/src/blob/main.js "$@"\n' >/usr/local/bin/azurite-blob && chmod 755 /usr/local/bin/azurite-blob
COPY registry.yml /etc/docker/registry/config.yml
VOLUME /data
WORKDIR /data

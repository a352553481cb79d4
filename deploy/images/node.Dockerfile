# A node of a grid: the grid executable, the .NET runtime it was built with, and what its sandboxes need. deploy/images.sh makes the context.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates crun curl git openssh-client runc slirp4netns \
 && rm -rf /var/lib/apt/lists/*
COPY dotnet /usr/share/dotnet
COPY grid /usr/local/lib/grid
COPY grid-node /usr/local/bin/grid-node
RUN ln -s ../lib/grid/grid /usr/local/bin/grid
# Everything a node keeps; sandboxes need a file system below it that is no overlay.
VOLUME /var/lib/grid
ENV DOTNET_ROOT=/usr/share/dotnet GRID_DATA_DIR=/var/lib/grid
EXPOSE 7400 11111 30000
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["curl", "-fs", "http://127.0.0.1:7400/health/ready"]
ENTRYPOINT ["grid-node"]

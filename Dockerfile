# vsync from this checkout: packed, then installed by the package's own lock.
#
#   docker build --tag vsync .
#   docker run --rm --read-only --volume "$PWD/destination.json:/destination.json:ro" vsync destination -c /destination.json
#
# vsync writes no file: the root file system may be read-only, and no volume is needed besides the configuration.
# node:20-slim is Debian: Temporal's native library needs glibc, so no image of Alpine works.
FROM node:20-slim AS package
WORKDIR /checkout
COPY . .
RUN npm pack --pack-destination / && tar -xzf /vsync-*.tgz -C / && mv /package /vsync
WORKDIR /vsync
# Of Temporal's native library, only the one for this image's platform is needed.
RUN npm ci --omit=dev \
  && cd node_modules/@temporalio/core-bridge/releases \
  && find . -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM node:20-slim
COPY --from=package /vsync /vsync
RUN ln -s /vsync/bin/vsync /usr/local/bin/vsync && vsync --version
# For the memory of a worker: see docs/deploying.md.
ENV MALLOC_ARENA_MAX=2
# By number, because Kubernetes cannot see that a name is not root. It is the user node of the image.
USER 1000:1000
ENTRYPOINT ["vsync"]

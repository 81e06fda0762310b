# osb-oci, built on Alpine (musl): as an image that runs it, and for `COPY --from=` into a system (see Containerfile).
#
#   podman build -t localhost/osb-oci -f containerfiles/Containerfile.builder .
#   podman run --rm -v ./images:/images localhost/osb-oci inspect oci:/images/os:v1
#
# Build it on the release of Alpine that the system has: musl and libostree stay compatible upwards, not downwards.
ARG ALPINE=docker.io/library/alpine:latest
FROM ${ALPINE} AS build
WORKDIR /src

# First, so that this layer is kept while only sources change.
COPY scripts/lib.sh scripts/install-deps scripts/
RUN scripts/install-deps build && apk add --no-cache pax-utils

COPY CMakeLists.txt CMakePresets.json ./
COPY cmake/ cmake/
COPY base/ base/
COPY oci/ oci/
COPY registry/ registry/
COPY ostree/ ostree/
COPY image/ image/
COPY system/ system/
COPY cli/ cli/
RUN cmake --preset release && cmake --build --preset release
RUN install -D -m 755 build/release/osb-oci /out/usr/bin/osb-oci && strip /out/usr/bin/osb-oci

# The libraries that it is linked to, under the names by which apk finds their packages, whichever those are in this release.
RUN mkdir -p /out/usr/share/osb && \
    scanelf --quiet --needed --format '%n#F' /out/usr/bin/osb-oci | tr ',' '\n' | sed 's/^/so:/' >/out/usr/share/osb/libraries

FROM ${ALPINE}
COPY --from=build /out/ /
# skopeo, for containers-storage:; the tools of install-to-disk.
RUN xargs apk add --no-cache </usr/share/osb/libraries && \
    apk add --no-cache ca-certificates skopeo syslinux
ENTRYPOINT ["/usr/bin/osb-oci"]
CMD ["--help"]

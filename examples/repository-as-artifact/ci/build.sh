#!/bin/sh
# One build. Reads repo.tar.zst of the last build, if there is one. Writes repo.tar.zst and disk.img.
#
# usage: ci/build.sh VERSION URL      URL: where machines find the published repository
set -eu
version=$1
url=$2
ref=os/x86_64/site
image=localhost/site:$version

rm -rf repo image.tar
if [ -e repo.tar.zst ]; then
    tar --zstd -xf repo.tar.zst
fi

podman build -q -t "$image" --build-arg "BASE=${BASE:-localhost/alpine-os:1}" --build-arg "VERSION=$version" .
podman save -q --format oci-archive -o image.tar "$image"
# The commit that the ref has now becomes the parent of the new one.
osb-oci import --quiet --repo repo --ref "$ref" oci-archive:image.tar
rm image.tar

# The disk gets the new commit without its parents, and follows the ref at the URL.
rm -f disk.img
osb-oci install-to-disk --quiet --repo repo --url "$url" --config config.toml "$ref" disk.img

tar --zstd -cf repo.tar.zst.new repo
mv repo.tar.zst.new repo.tar.zst

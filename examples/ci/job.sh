#!/bin/sh
# The job: the image in site.tar becomes a commit, an archive with the commit, an image in the registry, and
# a disk that follows that image.
#
# IMAGE: the name in the registry, such as registry.example.com/site:stable
# REGISTRY_USER, REGISTRY_PASSWORD: the account that may push
set -eu
osb-oci import --quiet --repo repo --ref os/x86_64/site oci-archive:site.tar
osb-oci export --quiet --repo repo os/x86_64/site oci-archive:site-commit.tar
printf %s "$REGISTRY_PASSWORD" |
    osb-oci push --quiet --repo repo --creds "$REGISTRY_USER" --password-stdin os/x86_64/site "docker://$IMAGE"
osb-oci install-to-disk --quiet --repo repo --config config.toml --target-imgref "$IMAGE" --format qcow2 \
    os/x86_64/site site.qcow2

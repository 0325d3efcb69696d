#!/bin/bash
# Inside the tree that check.py has made, with the machine's network: the images by buildah, out of /source into /images.
set -euo pipefail
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=overlay

say() { echo "== $*"; }
# build NAME TARGET FOLDER [ARGUMENT...]: FOLDER's image TARGET as NAME, into /images. Docker's format: OCI's has no health check.
build() {
  say "$1"
  buildah bud --quiet --format docker --layers --pull-never --network host --target "$2" --tag "$1" "${@:4}" "$3" > /dev/null
  buildah push --quiet "$1" "docker-archive:/images/$2.tar:$1"
}

say "debian:12 and debian:12-slim: made by mmdebstrap (minbase), not pulled"
container=$(buildah from scratch)
buildah add --quiet "$container" /base.tar / > /dev/null
buildah config --cmd bash "$container"
for name in debian:12-slim debian:12; do buildah commit --quiet "$container" "docker.io/library/$name" > /dev/null; done
buildah rm "$container" > /dev/null

say "postgres:15-bookworm and nginx:stable: stand-ins of Debian's packages, not pulled"
build postgres:15-bookworm postgres /source/tests/deploy/images
build nginx:stable nginx /source/tests/deploy/images

say "Perkline's, from deploy/container/Dockerfile: compiling takes half an hour or more, the next time some minutes (build/images/ccache)"
version=$(sed -n 's/.*image: perkline-hub:\(.*\)/\1/p' /source/deploy/container/compose.yaml | head -1)
for part in hub edge tools; do
  build "perkline-$part:$version" $part /source --file /source/deploy/container/Dockerfile \
    --volume /ccache:/root/.cache/ccache --volume /npm:/npm:ro --volume /npm/npmrc:/etc/npmrc:ro
done

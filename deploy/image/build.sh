#!/bin/sh
# Build the worker's image: build.sh NAME [BASE]
#
# The wheels are collected here, with this machine's pip and its settings, for the Python of the base image;
# the versions are those of deploy/image/constraints.txt. DOCKER and PYTHON may name other programs.
set -eu

name=${1:?usage: build.sh NAME [BASE]}
base=${2:-python:3.13-slim}
docker=${DOCKER:-docker}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

version=$($docker run --rm --network none --entrypoint python3 "$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir "$context/wheels"
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$context/wheels" "$here/../.."
"$python" -m pip download --quiet --only-binary :all: --python-version "$version" \
    --constraint "$here/constraints.txt" --dest "$context/wheels" \
    "$(echo "$context"/wheels/lateen-*.whl)[encryption,opentelemetry]"
$docker build --quiet --network none --build-arg "BASE=$base" --file "$here/Dockerfile" --tag "$name" "$context"

#!/usr/bin/env bash
# Makes the peers of the interoperability tests under target/interop/, as far as this machine has what they need.
# Each line says what became of one; a peer that cannot be made is no error: its tests say `skipped`.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/target/interop
here=$PWD/tests/interop
mkdir -p "$out"

# make NAME COMMAND...: runs it with its output in a log, whose end is shown if it fails.
make() {
    local name=$1 log="$out/$1.log"
    shift
    if "$@" >"$log" 2>&1; then
        echo "$name: made"
    else
        echo "$name: cannot be made, its tests are skipped:"
        tail -n 5 "$log" | sed 's/^/    /'
    fi
}

# installed PACKAGE...: from the system's own archive, if that is Debian's and we may.
installed() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "not installed: $*"
        return 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

grpcio() {
    python3 -c 'import ensurepip' 2>/dev/null || installed python3 python3-venv || return
    [ -x "$out/venv/bin/pip" ] || python3 -m venv "$out/venv" || return
    "$out/venv/bin/pip" install --disable-pip-version-check --quiet --retries 1 --requirement "$here/python/requirements.txt"
}

grpc_js() {
    command -v npm >/dev/null || installed nodejs npm || return
    mkdir -p "$out/node" && cp "$here/node/package.json" "$here/node/package-lock.json" "$out/node/" || return
    (cd "$out/node" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1)
}

# grpc-go is Debian's, built without modules.
grpc_go() {
    if ! command -v go >/dev/null || [ ! -d /usr/share/gocode/src/google.golang.org/grpc ]; then
        installed golang-go golang-google-grpc-dev || return
    fi
    (cd "$here/go" && GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= go build -o "$out/grpc-go" .)
}

tonic() {
    CARGO_TARGET_DIR="$out/tonic" cargo build --release --locked --manifest-path "$here/tonic/Cargo.toml"
}

make grpcio grpcio
make grpc-js grpc_js
make grpc-go grpc_go
make tonic tonic
exit 0

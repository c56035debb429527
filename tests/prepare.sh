#!/bin/sh
# Puts on the machine what the tests use and pip does not bring; names it where it cannot.
set -eu
missing=
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v mosquitto_pub >/dev/null 2>&1 || missing="$missing mosquitto-clients"
command -v strace >/dev/null 2>&1 || missing="$missing strace"
command -v faketime >/dev/null 2>&1 || missing="$missing faketime"
command -v pebble >/dev/null 2>&1 || missing="$missing pebble"
command -v fusermount3 >/dev/null 2>&1 || missing="$missing fuse3"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "tests need these programs, please install them (Debian's package names):$missing" >&2
    exit 1
fi

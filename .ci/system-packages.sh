#!/bin/sh
# As root on Debian: install the packages that tests need, listed in tests/system-packages.txt.
# Elsewhere nothing happens; tests that miss a program are skipped and name its package.
set -eu

list=$(grep -v '^#' tests/system-packages.txt | tr '\n' ' ')
missing=''
for package in $list; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    exit 0
fi
echo "installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -q >/dev/null
    apt-get install -y -q --no-install-recommends $missing >/dev/null
}

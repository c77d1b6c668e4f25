#!/bin/sh
# Run the tests with each supported Python that is here, each in a virtual environment of its own.
set -eu

found='' failed=''
for version in 3.11 3.12 3.13; do
    python=''
    for candidate in "$HOME"/.pyenv/versions/"$version".*/bin/python "python$version"; do
        if "$candidate" --version >/dev/null 2>&1; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "Python $version: not here, left out"
        continue
    fi
    found="$found $version"
    folder=.venvs/$version
    echo "Python $version: $python"
    if [ ! -x "$folder/bin/python" ]; then
        "$python" -m venv "$folder"
    fi
    "$folder/bin/pip" install --quiet --disable-pip-version-check -e '.[fast,test]'
    "$folder/bin/python" -m pytest "$@" || failed="$failed $version"
done

[ -n "$found" ] || { echo "no supported Python was found" >&2; exit 1; }
[ -z "$failed" ] || { echo "failed with Python$failed" >&2; exit 1; }
echo "passed with Python$found"

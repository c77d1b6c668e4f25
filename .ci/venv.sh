#!/bin/sh
# Make a virtual environment: venv.sh FOLDER [PYTHON]
set -eu

folder=$1
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

for python in ${2:+"$2"} python3.13 python3.12 python3.11 python3 python; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c "$fits" >/dev/null 2>&1; then
        if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$python cannot make virtual environments: its module venv is missing." >&2
            echo "On Debian and Ubuntu: apt-get install python3-venv" >&2
            exit 1
        fi
        echo "making $folder with $("$python" --version)"
        exec "$python" -m venv "$folder"
    fi
done

echo "Python 3.11, 3.12 or 3.13 is needed and was not found." >&2
if command -v python3 >/dev/null 2>&1; then
    echo "python3 here is $(python3 --version 2>&1)." >&2
fi
echo "Where it lies elsewhere: make PYTHON=/path/to/python3.11" >&2
exit 1

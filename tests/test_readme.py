"""The commands of the README do what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.programs import require
from tests.servers import serving

README = Path(__file__).parents[1] / "README.md"
_STEP = re.compile(
    r"<!-- run -->\n```sh\n(?P<commands>.*?)```\n\n"
    r"<!-- output(?P<part>: contains)? -->\n```\n(?P<output>.*?)```",
    re.DOTALL,
)
_MARK = "=== next ==="


def test_tour_gives_the_output_that_is_printed(tmp_path: Path) -> None:
    require("curl")
    steps = list(_STEP.finditer(README.read_text("utf-8")))
    assert len(steps) >= 4
    with serving(tmp_path / "data", ["--demo"]) as server:
        script = f"\necho; echo '{_MARK}'\n".join(step["commands"] for step in steps)
        script = script.replace("http://127.0.0.1:8080", server.origin)
        done = subprocess.run(
            ["sh", "-eu", "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode == 0, done.stderr
        answers = done.stdout.split(_MARK)
        for step, answer in zip(steps, answers, strict=True):
            if step["part"]:
                assert step["output"].strip() in answer
            else:
                assert answer.strip() == step["output"].strip()


def test_curl_line_of_the_welcome_works(tmp_path: Path) -> None:
    curl = require("curl")
    with serving(tmp_path / "data", ["--demo"]) as server:
        line = next(line for line in server.welcome.splitlines() if " curl " in line)
        url = line.split()[-1]
        done = subprocess.run([curl, "-sf", url], capture_output=True, text=True, timeout=60)
        assert '"Demo^Phantom"' in done.stdout

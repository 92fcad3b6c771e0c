#!/usr/bin/env python3
"""Small inputs that failed once, where a folder with them lies beside the checkout: attacks, hostile registries, other tools' documents.

    .ci/cases.py --sigkit PROGRAM --peers DIR FOLDER [NAME...]

Each question prints `ok` or `FAIL` (or `-> ok`, `-> FAULT`). The exit code is 1 when a question has the wrong answer and no reason
in DISPUTED, when one that has a reason is answered as asked, or when a script asked nothing.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

NUMERIC = "an address in another form than 127.0.0.1 is not the name of a registry: exit code 2, before any request"

# Questions whose expected answer is wrong, as "script: beginning of the question": what is right, and which tools say so.
DISPUTED = {
    "f05_names.py: ipwarn.yaml: 127.1": NUMERIC,
    "f05_names.py: ipwarn.yaml: 0x7f.1": NUMERIC,
    "f05_names.py: ipwarn.yaml: 2130706433": NUMERIC,
    "f05_names.py: ipwarn.yaml: 127.0.0.001": NUMERIC,
    "f06_hub.py: scope by tag rejected, image named by tag and digest": "a rule for a tag is not escaped by adding a digest; containers "
    "refuses such names altogether, so that both refuse",
    "f06_hub.py: *.example rejects, upper-case host": "the spelling of a host does not choose the rule (f05 asks for the same of LOCALHOST)",
    "f17_rawvalue.py: 120 levels within": "the payload has a member whose name means something to the parser, and is refused for that",
    "17-many.py: no silent": "all 64 images verify, so that 14 would be wrong",
}

# Scripts that mostly wait: they run beside the others. The rest runs alone, since it measures time and memory.
PATIENT = ("15-slow-link.py", "17-many.py", "28-ratelimit.py")

GOOD = re.compile(r"^ok\s+(.*)$|^(?:==\s*)?(.*?)(?:: expected .*)?\s+-> ok\b")
BAD = re.compile(r"^FAIL\s+(.*)$|^(?:==\s*)?(.*?)(?:: expected .*)?\s+-> FAULT\b")
SUMMARY = re.compile(r"^SUMMARY (\d+)/(\d+)$", re.M)


def scripts(folder):
    """Each script with the command that runs it and the folder in which it runs."""
    for run in sorted(folder.glob("*/run.sh")):
        place = run.parent
        if place.name in ("gates", "store"):
            for script in sorted(place.glob("f[0-9]*.py" if place.name == "gates" else "*.py")):
                if place.name == "gates":
                    yield script.name, [str(run), script.name], place
                elif re.search("summary", script.read_text(encoding="utf-8"), re.I) and script.name != "h.py":
                    yield script.name, ["python3", script.name], place
        else:
            yield place.name, [str(run)], place


def ask(name, command, place, environment):
    """The questions answered as asked, those that were not, and the time that it took."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        if name == "f1-annotations-memory.py":
            command = [*command, "100"]
        done = subprocess.run(command, cwd=place, env={**environment, "CASES_WORK": work, "TMPDIR": work}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200, check=False)
    text = done.stdout.decode("utf-8", "replace")
    good, bad = 0, []
    for line in text.splitlines():
        if match := BAD.match(line):
            bad.append(match[1] or match[2])
        elif GOOD.match(line):
            good += 1
    if summary := SUMMARY.search(text):
        good, asked = int(summary[1]), int(summary[2])
        bad += ["a question that it does not name"] * max(0, asked - good - len(bad))
    if not good and not bad and place.name == "gates" and "FAULT" not in text and text.strip():
        good = 1  # It prints what is wrong alone.
    if done.returncode != 0 and not bad and not good and not summary:
        bad.append(f"exit code {done.returncode}: {text.strip()[-300:]}")
    if good + len(bad) == 0:
        bad.append("asked nothing: " + text.strip()[-300:])
    return name, good, bad, time.monotonic() - begin


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--sigkit", required=True, type=pathlib.Path)
    words.add_argument("--peers", required=True, type=pathlib.Path)
    words.add_argument("folder", type=pathlib.Path)
    words.add_argument("names", nargs="*")
    given = words.parse_args()
    environment = {**os.environ, "SIGKIT": str(given.sigkit.resolve()), "PEERS_BIN": str(given.peers.resolve()),
                   "COSIGN2": str(given.peers.resolve() / "cosign2"), "PYTHONDONTWRITEBYTECODE": "1"}
    chosen = [row for row in scripts(given.folder) if not given.names or row[0] in given.names]
    with ThreadPoolExecutor(len(PATIENT)) as beside:
        waiting = [beside.submit(ask, *row, environment) for row in chosen if row[0] in PATIENT]
        results = [ask(*row, environment) for row in chosen if row[0] not in PATIENT] + [job.result() for job in waiting]
    right = asked = 0
    disputed = set()
    for name, good, bad, seconds in results:
        wrong = []
        for question in bad:
            reason = next((key for key in DISPUTED if f"{name}: {question}".startswith(key)), None)
            disputed.add(reason)
            if reason is None:
                wrong.append(question)
        print(f"{name:32} {good} of {good + len(bad)} as asked{f', {len(bad) - len(wrong)} disputed' if len(bad) > len(wrong) else ''}  {seconds:.0f} s")
        for question in wrong:
            print(f"  wrong: {question[:300]}")
        right, asked = right + good + len(bad) - len(wrong), asked + good + len(bad)
    stale = [key for key in DISPUTED if key not in disputed and not given.names]
    for key in stale:
        print(f"  answered as asked, so its reason is out of date: {key}")
    print(f"cases: {right}/{asked}")
    return 1 if right < asked or stale or not results else 0


if __name__ == "__main__":
    sys.exit(main())

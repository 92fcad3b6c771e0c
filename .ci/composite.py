"""Runs the steps of a composite GitHub action on this machine: composite.py ACTION.YML INPUT=VALUE...

Reads only as much YAML as such an action needs: inputs with defaults, and steps with `env` and `run`. What it does not know it refuses,
so that a change of the action cannot slip past the test. Like the runner, each step is one script under `bash -e -o pipefail`."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile


def blocks(lines, indent):
    """Splits lines into the mappings or list items that begin at `indent`, each with the lines below it."""
    found = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) == indent:
            found.append((line.strip(), []))
        elif found:
            found[-1][1].append(line)
    return found


def scalar(text):
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def parse(text):
    """(inputs with their defaults, None where required; steps as (name, environment, script))."""
    top = dict(blocks([line for line in text.splitlines() if not line.startswith("#")], 0))
    inputs = {}
    for name, body in blocks(top["inputs:"], 2):
        fields = dict(line.strip().split(": ", 1) for line in body if line.strip())
        inputs[name.rstrip(":")] = scalar(fields["default"]) if "default" in fields else None
    runs = dict(blocks(top["runs:"], 2))
    if "using: composite" not in runs:
        raise SystemExit("composite: not a composite action")
    steps = []
    for head, body in blocks(runs["steps:"], 4):
        fields = blocks(["      " + head.removeprefix("- "), *body], 6)
        name, environment, script = "", {}, None
        for key, below in fields:
            if key == "run: |":
                script = "\n".join(line[8:] for line in below)
            elif key == "env:":
                environment = dict(line.strip().split(": ", 1) for line in below if line.strip())
            elif key.startswith("name: "):
                name = key.removeprefix("name: ")
            elif key != "shell: bash" and not key.startswith("id: "):
                raise SystemExit(f"composite: a step has `{key}`, which is not known here")
        if not script or "${{" in script:
            raise SystemExit(f"composite: step {name!r} has no script, or one with an expression inside")
        steps.append((name, environment, script))
    return inputs, steps


def expand(value, inputs):
    whole = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
    if whole:
        return inputs[whole.group(1)]
    if "${{" in value:
        raise SystemExit(f"composite: only inputs are known, not {value}")
    return scalar(value)


def main():
    inputs, steps = parse(pathlib.Path(sys.argv[1]).read_text())
    for argument in sys.argv[2:]:
        name, value = argument.split("=", 1)
        if name not in inputs:
            raise SystemExit(f"composite: the action has no input {name!r}")
        inputs[name] = value
    missing = [name for name, value in inputs.items() if value is None]
    if missing:
        raise SystemExit(f"composite: required inputs are missing: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as runner:
        for name, environment, script in steps:
            print(f"  step {name}", flush=True)
            output = pathlib.Path(runner) / "output"
            output.write_text("")
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script], stdin=subprocess.DEVNULL,
                env={**os.environ, "RUNNER_TEMP": runner, "GITHUB_OUTPUT": str(output), **{k: expand(v, inputs) for k, v in environment.items()}})
            if done.returncode:
                print(f"  step {name} ended with exit code {done.returncode}", flush=True)
                return done.returncode
            for line in output.read_text().splitlines():
                path = pathlib.Path(line.split("=", 1)[1])
                if not path.exists() or not path.read_text().strip():
                    raise SystemExit(f"composite: output {line} names no file, or an empty one")
    return 0


if __name__ == "__main__":
    sys.exit(main())

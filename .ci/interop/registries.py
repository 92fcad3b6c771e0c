"""Runs a test once for each registry of the peers, which it finds in SIGKIT_TEST_REGISTRY.

    python3 .ci/interop/registries.py --peers DIR COMMAND...

The exit code is 1 unless exactly one test ran and passed with each of them, and named it.
"""

import argparse
import os
import subprocess
import sys

import stores


def main():
    parser = argparse.ArgumentParser(prog="registries", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, help="folder with crane and docker-registry (see .ci/peers.sh)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what runs the test")
    arguments = parser.parse_args()
    registries, failed = stores.start_all(arguments.peers, None, None), 0
    try:
        for name, registry in registries.items():
            done = subprocess.run(arguments.command, env={**os.environ, "SIGKIT_TEST_REGISTRY": registry.host}, capture_output=True, text=True)
            passed = done.returncode == 0 and done.stdout.count("test result: ok. 1 passed") == 1 and f"{registry.host}: " in done.stdout
            failed += not passed
            print(f"registries: {name}: {'ok' if passed else 'FAILED'}\n{done.stdout}{'' if passed else done.stderr}", flush=True)
    finally:
        for registry in registries.values():
            registry.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Many signers of one image at once, on the registries of the peers and on the project's own.

    python3 .ci/interop/signers.py --program target/debug/examples/signers --peers DIR [--signers N] [--rounds N] [--seconds N]

Without limits: 50 signers and 20 rounds for each registry and format. The exit code is 1 when a signer exited 0 without a signature.
"""

import argparse
import subprocess
import sys

import stores


def main():
    parser = argparse.ArgumentParser(prog="signers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the example `signers` of sigkit-core")
    parser.add_argument("--peers", required=True, help="folder with crane and docker-registry (see .ci/peers.sh)")
    for limit in ("signers", "rounds", "seconds"):
        parser.add_argument(f"--{limit}", help="see the program")
    arguments = parser.parse_args()
    limits = [word for name in ("signers", "rounds", "seconds") if (value := getattr(arguments, name)) for word in (f"--{name}", value)]
    registries = stores.start_all(arguments.peers, None, None)
    try:
        named = [f"{name}={registry.host}" for name, registry in registries.items()]
        return subprocess.run([arguments.program, *limits, *named], check=False).returncode
    finally:
        for registry in registries.values():
            registry.stop()


if __name__ == "__main__":
    sys.exit(main())

"""The interop matrix: keys, signatures and registries of sigkit against the real cosign 2 and cosign 3, both directions.

    python3 .ci/interop --sigkit target/release/sigkit --peers target/peers/bin [--testkit PROGRAM] [--servers DIR]

One line per failed cell, then `interop: P/N`; the exit code is 1 when a cell failed. Nothing is skipped: what cosign itself cannot do
is listed in gaps.py and asserted. `--peers-only` runs the cells that need no sigkit, to update the gaps.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import attestations
import matrix
import special
import stores
import tools


def main():
    parser = argparse.ArgumentParser(prog="interop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigkit", help="the program under test")
    parser.add_argument("--peers", required=True, help="folder with cosign, cosign2, crane, oras, docker-registry (see .ci/peers.sh)")
    parser.add_argument("--servers", help="folder with ggcrserve and ociserve, registries that have the referrers API")
    parser.add_argument("--testkit", help="the project's own test registry, which has the referrers API")
    parser.add_argument("--peers-only", action="store_true", help="leave sigkit out")
    parser.add_argument("--only", action="append", metavar="STAGE", help="images, blobs, attestations or a function of attestations.py or special.py, while working on it; may be repeated")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.peers_only and not arguments.sigkit:
        parser.error("--sigkit PROGRAM, or --peers-only")

    # Ended by a signal, the registries go as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    work = tempfile.mkdtemp(prefix="sigkit-interop-")
    registries = {}
    try:
        peers = pathlib.Path(arguments.peers).resolve()
        programs = {
            "cosign2": tools.Cosign2("cosign2", peers / "cosign2", work),
            "cosign3": tools.Cosign3("cosign3", peers / "cosign", work),
        }
        if not arguments.peers_only:
            programs = {"sigkit": tools.Sigkit("sigkit", pathlib.Path(arguments.sigkit).resolve(), work), **programs}
        openssl = tools.Openssl("openssl", shutil.which("openssl") or "openssl", work)
        registries = stores.start_all(peers, arguments.servers, arguments.testkit)
        m = matrix.Matrix(work, peers, programs, openssl, registries, arguments.jobs, arguments.only)

        for title, stage in (
            ("keys", matrix.make_keys),
            ("images", lambda m: m.wanted("images") and m.each(matrix.image, list(matrix.image_jobs(m)))),
            ("blobs", lambda m: m.wanted("blobs") and m.each(matrix.blob, list(matrix.blob_jobs(m)))),
            ("attestations", attestations.run),
            ("scenes", special.run),
        ):
            before, clock = m.passed + len(m.failures), time.monotonic()
            stage(m)
            print(f"  {title}: {m.passed + len(m.failures) - before} cells in {time.monotonic() - clock:.0f} s", flush=True)
        print(f"  registries: {', '.join(registries)}; {time.monotonic() - started:.0f} s")
        print(f"interop: {m.passed}/{m.passed + len(m.failures)}")
        whole = arguments.sigkit and arguments.servers and arguments.testkit and not arguments.only
        told = int((pathlib.Path(__file__).parent / "cells").read_text())
        if whole and not m.failures and m.passed != told:
            print(f"interop: .ci/interop/cells says {told}; write {m.passed} there")
            return 1
        return 1 if m.failures else 0
    finally:
        for registry in registries.values():
            registry.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Which known threats have a test: `// threat: ID...` above a test names the rows of the threat table that it covers.

    .ci/threats.py [--list] [TABLE]

Prints the ids without a test, section by section, if TABLE exists (default: ../shared/threats.md beside the checkout), and
with --list every id with its tests. The exit code is 1 when an id of a complete section has neither a test nor a reason; comments
and reasons that are out of date are noted.
"""

import pathlib
import re
import sys
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT.parent / "shared" / "threats.md"

# Sections of which every row has a test, or a reason below.
COMPLETE = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "K", "L", "M", "N", "R", "X")

# Rows about what is not there, or is kept by something other than a test in this tree.
REASONS = {
    "B11": "no trust material is cached on disk, so no cache can fail",
    "F16": "no image is saved",
    "G11": "no browser login is offered",
    "H03": "a verifier without memory cannot see what a registry leaves out; SECURITY.md says so",
    "H04": "a digest is verified, not its freshness; SECURITY.md says so",
    "H09": "nothing deletes: clean and copy are not offered",
}

COMMENT = re.compile(r"^\s*// threat: (.+)$")
TEST = re.compile(r"^\s*(?:pub(?:\([a-z]+\))? )?(?:async )?fn (\w+)")
ID = re.compile(r"^[A-Z][0-9]{1,2}$")


def tests():
    """The tests of each id, as `file: function`, and comments without an id or without a function below."""
    found, stray = defaultdict(list), []
    for path in sorted(ROOT.glob("*/**/*.rs")):
        if "target" in path.relative_to(ROOT).parts:
            continue
        waiting, name = [], path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if comment := COMMENT.match(line):
                ids = comment[1].replace(",", " ").split()
                stray += [f"{name}:{number}: {word!r} is not an id" for word in ids if not ID.match(word)]
                waiting += [(word, number) for word in ids]
            elif waiting and (test := TEST.match(line)):
                for word, _ in waiting:
                    found[word].append(f"{name}: {test[1]}")
                waiting = []
        stray += [f"{name}:{number}: {word} has no test below" for word, number in waiting]
    return found, stray


def table(path):
    """The ids of each section in order; one row may hold several."""
    sections = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        cell = line.split("|")[1] if line.startswith("| ") else ""
        for word in cell.split():
            if ID.match(word) and word not in sections[word[0]]:
                sections[word[0]].append(word)
    return sections


def main(arguments):
    found, notes = tests()
    notes += [f"{word} has a test, and a reason here not to have one" for word in REASONS if word in found]
    wrong = []
    by_number = sorted(found, key=lambda word: (word[0], int(word[1:])))
    if "--list" in arguments:
        for word in by_number:
            for test in found[word]:
                print(f"{word:4} {test}")
    paths = [pathlib.Path(word) for word in arguments if not word.startswith("--")] or [TABLE]
    if paths[0].is_file():
        sections = table(paths[0])
        for letter, ids in sections.items():
            missing = [word for word in ids if word not in found]
            open_ids = [word for word in missing if word not in REASONS]
            absent = [word for word in missing if word in REASONS]
            words = f"{letter}: {len(ids) - len(missing)} of {len(ids)} have a test"
            words += f"; with a reason: {' '.join(absent)}" if absent else ""
            words += f"; without: {' '.join(open_ids)}" if open_ids else ""
            print(words)
            if letter in COMPLETE:
                wrong += [f"{word} is of a complete section and has no test" for word in open_ids]
        known = {word for ids in sections.values() for word in ids}
        notes += [f"{word} is not in the table" for word in by_number if word not in known]
    else:
        print(f"no table at {paths[0]}; {len(found)} ids have tests")
    for line in notes:
        print(f"note: {line}")
    for line in wrong:
        print(f"wrong: {line}")
    print(f"threats: {len(found)} ids, {sum(map(len, found.values()))} tests")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

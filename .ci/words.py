#!/usr/bin/env python3
"""Holds what people read to the words of the field: messages, help, comments and documents.

    .ci/words.py               checks the string literals, comments and function names of the Rust sources, the comments and names
                               of tests, and every markdown file
    .ci/words.py --list        prints every text that is checked, too
    .ci/words.py --self-test   checks the lexer and the list with examples of their own

Each hit is printed as `file:line: "phrase": use ...`. The exit code is 1 if there is one, or if an exception is out of date.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("sigkit-core/src/**/*.rs", "sigkit-cli/src/**/*.rs", "testkit/src/**/*.rs", "examples/src/**/*.rs")
TESTS = ("sigkit-*/tests/**/*.rs", "sigkit-*/examples/*.rs", "examples/tests/*.rs")
DOCUMENTS = ("*.md", "docs/**/*.md", "examples/**/*.md", "testdata/**/*.md", "keys/*.md", "sigkit-*/**/*.md")

# Pattern and what to use in its place. A space stands for any white space; case does not matter.
WORDS = [
    (r"whoever", "anyone who, or the role: the policy owner, the registry"),
    (r"nobody('s)?|no one('s)?", "name the subject: no key, no server, no policy"),
    (r"somebody('s)?", "someone, or the role: another signer, another process"),
    (r"(?<!there.)(is|are|was|were|be|being) (no|none)(?! longer| more than| larger| smaller| older)", "is not a ..., has no ..., is missing"),
    (r"none is", "there is no ..."),
    (r"(is|are) no more", "has ended"),
    (r"stands?|stood|standing", "is in, is written, remains, means"),
    (r"befall(s|en)?|befell", "happens to"),
    (r"at hand", "available, given"),
    (r"put(s|ting)? up with", "accept, except"),
    (r"lets? (\w+ )?in(?! (the|a|an)\b)", "allow"),
    (r"asks? (for )?nothing|asks? nobody", "has no requirements, does not prompt"),
    (r"(come|comes|came|coming|bring|brings|brought|take|takes|taken|took)( [^\s,;:]+){0,3} along", "include, come with"),
    (r"makes? no sense", "is invalid, conflicts"),
    (r"(is|are|was|were) meant", "means, refers to, is intended"),
    (r"vouch(es|ed|ing)?", "attest, issue, confirm"),
    (r"seal(s|ed|ing)?", "encrypt, sign"),
    (r"witness(es|ed|ing)?", "log or timestamp authority; a witness is a checkpoint cosigner"),
    (r"anew", "again"),
    (r"by heart", "hard-coded"),
    (r"(no|nobody's|not (its|their|our)) business", "must not"),
    (r"slips? of the pen", "typo, mistake"),
    (r"doors? (shut|open)|(shut|open)s? the door", "does not expose"),
    (r"counts? for nothing|speaks? for nothing", "is ignored"),
    (r"(and|or|of) its like|and the like", "name them"),
    (r"believ(e|es|ed|ing|able)", "trust"),
    (r"as asked|NOT asked|was not asked", "as required, disabled by --flag, not called"),
    (r"NOT looked (at|for)", "not checked, not searched"),
    (r"one's own", "your own, private"),
    (r"in (the )?place of", "instead of"),
    (r"but for", "except"),
    (r"(knows?|bears?) no", "does not know, has no"),
    (r"to the letter", "exactly"),
    (r"troubles?", "error, failure"),
    (r"mend(s|ed|ing)?", "fix"),
    (r"(see|sees|saw) to", "handle"),
    (r"left alone|leav(e|es|ing) (\w+ )alone", "not overwritten, not changed"),
    (r"on the way|in the way|stands? between", "in transit, on the path, between"),
    (r"(?<!one.)(pass|passes|passed|passing) over", "skip, ignore"),
    (r"(yet|still) to come", "in the future"),
    (r"(has|have) not(?= ?([.,;:)]|$|the\b|a\b|any\b))", "does not have"),
    (r"by way of", "through"),
    (r"on order", "on request"),
    (r"hang(s|ing)? (on|from)", "is attached to"),
    (r"remarks?", "annotation, comment"),
    (r"unasked", "without being requested"),
    (r"owes?|owed", "must have"),
    (r"heed(s|ed)?", "follow, use"),
    (r"(nothing of the|of that) kind", "name it"),
    (r"(shall|ought)", "must"),
    (r"as ever", "as usual"),
    (r"held? against", "compare with, check against"),
    (r"(is|are|was|were) (not )?said (of|about|by|to|so)", "applies to, is stated in"),
    (r"repair(s|ed)?", "fix"),
    (r"spoken", "used"),
]

# Path, phrase and why it may be there.
EXCEPTIONS = [
    ("sigkit-core/src/trust/log/checkpoint.rs", "witness", "C2SP calls the cosigners of checkpoints witnesses"),
]

SPACED = [pattern.replace(" ", r"\s+") for pattern, _ in WORDS]
PATTERN = re.compile("|".join(rf"(?P<w{number}>\b(?:{pattern})\b)" for number, pattern in enumerate(SPACED)), re.I | re.S)

TOKEN = re.compile(
    r"""(?P<doc>(?:[ \t]*//[/!](?!/)[^\n]*\n?)+)|(?P<line>//[^\n]*(?:\n[ \t]*//(?![/!])[^\n]*)*)|/\*(?P<block>.*?)\*/"""
    r"""|(?<!\w)b?c?r(?P<hashes>\#*)"(?P<raw>.*?)"(?P=hashes)"""
    r"""|"(?P<string>(?:[^"\\]|\\.)*)\""""
    r"""|'(?:[^'\\\n]|\\[^'\n]+|\\')'"""
    r"""|\#\[(?:tokio::)?test\b[^\]]*\](?:\s|\#\[[^\]]*\])*(?:async\s+)?fn\s+(?P<name>\w+)""",
    re.S | re.X,
)


# What is checked of a test: its strings are also input and the messages of others.
COMMENTS = ("doc", "line", "block", "name")
KINDS = COMMENTS + ("raw", "string")


def rust(source):
    """Line, kind and text of each string literal, of each comment, and of each function's name."""
    for token in TOKEN.finditer(source):
        for group in KINDS:
            if token[group] is not None:
                text = token[group]
                if group in ("doc", "line"):
                    text = re.sub(r"(?m)^[ \t]*//[/!]?", "   ", text)
                elif group == "name":
                    text = text.replace("_", " ")
                elif group == "string":
                    text = re.sub(r"\\[nrt\n]", lambda escape: "\n" if escape[0] == "\\\n" else "  ", text)
                yield source.count("\n", 0, token.start(group)) + 1, group, text


def spoken(text, group):
    """The text with code left out, in the same number of lines: `names` in backticks, fenced blocks, link targets."""
    if group in ("string", "raw"):
        return text
    blank = lambda code: re.sub(r"[^\n]+", "…", code[0])
    text = re.sub(r"(?ms)^\s*```.*?^\s*```", blank, text)
    text = re.sub(r"(?m)(?<=\n\n)(?:    [^\n]*\n)+", blank, text)
    text = re.sub(r"`[^`]*`", blank, text)
    return re.sub(r"\]\([^)\s]*\)", "]", text)


def hits(line, text):
    """Line, phrase and remedy of each phrase of the list in the text, which begins at the line."""
    for match in PATTERN.finditer(text):
        phrase = " ".join(match[0].split())
        yield line + text.count("\n", 0, match.start()), phrase, WORDS[int(match.lastgroup[1:])][1]


def texts(path, kinds):
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return [(1, spoken(source, "md"))]
    found = [(line, spoken(text, group)) for line, group, text in rust(source) if group in kinds]
    return [(line, text) for line, text in found if re.search(r"[a-z]{2}\s+\S", text, re.I)]


def excepted(name, phrase):
    return next((at for at, (path, word, _) in enumerate(EXCEPTIONS) if path == name and phrase.lower().startswith(word)), None)


EXAMPLE = r'''
//! Nobody is at
//! hand, and `whoever` is code.
const A: &str = "it is no image \
    and counts for nothing"; // whoever reads
const B: &str = r#"a "quoted" registry stands here"#; /* mended twice */
fn c<'a>(text: &'a str, quote: char) -> bool { quote == '"' && text != "whoever" && quote != '\'' }
/// There is no image, no more than that is no longer needed.
const D: &str = "a phrase on its own line:\n  seals it";
fn nobody_is_production_code() {}
    // Two lines of one comment: it is
    // no image, and `whoever` is code.
#[tokio::test(flavor = "current_thread")]
#[cfg(unix)]
async fn what_nobody_reads_fails() {}
'''
EXPECTED = [
    (2, "Nobody"), (2, "at hand"), (4, "is no"), (5, "counts for nothing"), (5, "whoever"), (6, "stands"), (6, "mended"), (9, "seals"),
    (11, "is no"), (15, "nobody"),
]
MARKDOWN = "One pass over `whoever` [is none](whoever.md).\n\n```sh\nwhoever\n```\n\n    whoever\n\nIt asks\nfor nothing.\n"


def self_test():
    found = [(at, phrase) for line, group, text in rust(EXAMPLE) if " " in text for at, phrase, _ in hits(line, spoken(text, group))]
    assert found == EXPECTED, found
    found = [(at, phrase) for at, phrase, _ in hits(1, spoken(MARKDOWN, "md"))]
    assert found == [(1, "is none"), (9, "asks for nothing")], found
    assert excepted(EXCEPTIONS[0][0], EXCEPTIONS[0][1]) == 0 and excepted("other.rs", EXCEPTIONS[0][1]) is None
    print("words: the lexer and the list find what they should")


def main(arguments):
    if "--self-test" in arguments:
        return self_test()
    wrong, used, count, files = [], set(), 0, 0
    for pattern, kinds in [(pattern, KINDS) for pattern in SOURCES + DOCUMENTS] + [(pattern, COMMENTS) for pattern in TESTS]:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files += 1
            for line, text in texts(path, kinds):
                count += 1
                if "--list" in arguments:
                    print(f"{name}:{line}: {' '.join(text.split())}")
                for at, phrase, remedy in hits(line, text):
                    exception = excepted(name, phrase)
                    used.add(exception)
                    if exception is None:
                        wrong.append(f'{name}:{at}: "{phrase}": use {remedy}')
    stale = [exception for at, exception in enumerate(EXCEPTIONS) if at not in used]
    wrong += [f'{path}: the exception for "{phrase}" is out of date' for path, phrase, _ in stale]
    for line in wrong:
        print(line)
    print(f"words: {count} texts in {files} files, {len(WORDS)} phrases, {len(EXCEPTIONS)} exceptions, {len(wrong)} hits")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

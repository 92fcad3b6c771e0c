"""Every way to change one field of a bundle."""

import base64
import copy

# A log's promise beside its proof is more than is needed: a bundle without it still verifies, as it should.
SPARE = "inclusionPromise"
OTHERS = ("", "x", "0", "1", "-1", "18446744073709551616")


def of(bundle):
    """Pairs of a description and a bundle in which one field is another."""
    for path, value in leaves(bundle):
        for what, other in variants(value):
            if other != value:
                yield f"{'.'.join(map(str, path))}: {what}", changed(bundle, path, other)
        yield f"{'.'.join(map(str, path))}: removed", without(bundle, path)
    for path in members(bundle):
        if path[-1] != SPARE:
            yield f"{'.'.join(map(str, path))}: removed whole", without(bundle, path)


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, (*path, index))
    else:
        yield path, value


def members(value, path=()):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in children:
        if isinstance(member, (dict, list)):
            yield (*path, name)
            yield from members(member, (*path, name))


def variants(value):
    text = str(value)
    for other in OTHERS:
        yield f"as {other!r}", other
    yield "one character more", text + "A"
    yield "one character less", text[:-1]
    if text.isdigit():
        yield "the next number", str(int(text) + 1)
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) > 8:
        yield from bytes_changed(raw)
    elif not text.isdigit():
        for at in range(0, len(text), max(1, len(text) // 16)):
            yield f"another character at {at}", text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:]


def bytes_changed(raw):
    step = max(1, len(raw) // 16)
    for at in [*range(0, len(raw), step), len(raw) - 1]:
        other = bytearray(raw)
        other[at] ^= 1
        yield f"bit 0 of byte {at} of {len(raw)}", base64.b64encode(other).decode()
    yield "a byte more", base64.b64encode(raw + b"\0").decode()
    yield "a byte less", base64.b64encode(raw[:-1]).decode()


def changed(bundle, path, value):
    other = copy.deepcopy(bundle)
    holder(other, path)[path[-1]] = value
    return other


def without(bundle, path):
    other = copy.deepcopy(bundle)
    del holder(other, path)[path[-1]]
    return other


def holder(value, path):
    for name in path[:-1]:
        value = value[name]
    return value

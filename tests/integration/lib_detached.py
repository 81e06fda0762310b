"""Detached metadata of commits, written without a library: GVariant of the type a{sv} with lists of byte strings (aay)."""

import os


def _with_ends(body, ends):
    """Of a container: its bytes, and the ends of its elements, each as wide as the size of all requires."""
    width = next(width for width in (1, 2, 4) if len(body) + len(ends) * width < 1 << (8 * width))
    return body + b"".join(end.to_bytes(width, "little") for end in ends)


def _array(elements, alignment):
    body, ends = b"", []
    for element in elements:
        body += bytes(-len(body) % alignment) + element
        ends.append(len(body))
    return _with_ends(body, ends)


def _entry(key, strings):
    body = key.encode() + b"\0"
    end = len(body)
    return _with_ends(body + bytes(-end % 8) + _array(strings, 1) + b"\0aay", [end])


def detached_metadata(lists):
    """{KEY: [BYTE STRINGS]}, serialised."""
    return _array([_entry(key, strings) for key, strings in sorted(lists.items())], 8)


def path_of(repo, commit):
    return os.path.join(repo, "objects", commit[:2], commit[2:] + ".commitmeta")


def write_detached(repo, commit, lists):
    """Replaces those of a commit in a repository."""
    with open(path_of(repo, commit), "wb") as file:
        file.write(detached_metadata(lists))

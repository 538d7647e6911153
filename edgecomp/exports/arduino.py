"""An Arduino library (Arduino library specification 1.5, revision 2.2), with a sketch that tests it."""

from typing import Final

from edgecomp.errors import ExportError
from edgecomp.exports.library import Files, Format, Library

MOST_NAME_CHARACTERS: Final = 63
"""Of a library, and of the folder it is installed to (specification, "Library metadata")."""


def arrange(library: Library) -> Files:
    """library.properties, keywords.txt, src/ (searched for headers as a whole), examples/self_test/."""
    _check_name(library.prefix)
    return {
        **library.lay_out("src", "src"),
        "library.properties": library.render("arduino/library.properties.j2"),
        "keywords.txt": library.render("arduino/keywords.txt.j2"),
        "examples/self_test/self_test.ino": library.render("arduino/self_test.ino.j2"),
        f"examples/self_test/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
        "README.md": library.render("arduino/README.md.j2"),
    }


def _check_name(prefix: str) -> None:
    if len(prefix) > MOST_NAME_CHARACTERS:
        raise ExportError(
            f"an Arduino library's name has at most {MOST_NAME_CHARACTERS} characters, {prefix!r} has {len(prefix)}: give --prefix"
        )
    for word in ("arduino", "library"):
        if word in prefix:
            raise ExportError(f"an Arduino library's name may not contain {word!r}, {prefix!r} does: give another with --prefix")


FORMAT = Format("an Arduino library with a self-test sketch", arrange)

"""A CMake library to `add_subdirectory`, with a project beside it that tests it."""

from edgecomp.exports import MANIFEST_FILE
from edgecomp.exports.library import Files, Format, Library


def arrange(library: Library) -> Files:
    """The library as it was emitted, an example and a README."""
    emitted = {name: text for name, text in library.sources.files.items() if name != MANIFEST_FILE}
    return {
        **emitted,
        "example/CMakeLists.txt": library.render("cmake/example.CMakeLists.txt.j2"),
        "example/main.c": library.render("exports/main.c.j2"),
        f"example/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
        "README.md": library.render("cmake/README.md.j2"),
    }


FORMAT = Format("a static library for add_subdirectory, with a CTest example", arrange)

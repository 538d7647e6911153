"""A plain Makefile: a static library, and an example that tests it."""

from edgecomp.exports.library import Files, Format, Library, compiled


def arrange(library: Library) -> Files:
    """include/, src/, example/ and a Makefile whose defaults are the board's own compiler and options."""
    files = library.lay_out("include", "src")
    target = library.plan.target
    makefile = library.render(
        "make/Makefile.j2",
        sources=compiled(files, "src"),
        cross_compile=target.toolchain_prefix,
        cflags=" ".join(target.cflags),
    )
    return {
        **files,
        "Makefile": makefile,
        "example/main.c": library.render("exports/main.c.j2"),
        f"example/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
        "README.md": library.render("make/README.md.j2"),
    }


FORMAT = Format("a static library by a plain Makefile", arrange)

"""Reports as one HTML page that stands alone: no network, no build step, whole without its script.

html = render([document for name in files for document in read(Path(name).read_text(), name)])
"""

from edgecomp.page.documents import Document, read
from edgecomp.page.render import render

__all__ = ["Document", "read", "render"]

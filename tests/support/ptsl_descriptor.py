"""Writes the descriptor of Pro Tools' scripting interface into the package again: ``make ptsl-descriptor``.

It is taken out of py-ptsl, whose module ``PTSL_pb2`` holds it as a literal; nothing of py-ptsl is run.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2

from tests.support.paths import ROOT

FOLDER = ROOT / "daemon" / "acebridge" / "hosts" / "protools"
DESCRIPTOR, NOTICE = FOLDER / "ptsl.binpb", FOLDER / "ptsl-notice.txt"
_MODULE = "ptsl/PTSL_pb2.py"
_PROVENANCE = """ptsl.binpb is the serialised FileDescriptorProto of PTSL.proto, the Pro Tools Scripting Library,
as py-ptsl {version} (https://github.com/iluvcapra/py-ptsl) carries it in {module}. `make ptsl-descriptor` writes it again.
It holds names, types and numbers of messages and no comments, and is all that AceBridge has of py-ptsl. The author of py-ptsl
has made that module from a file of Avid's SDK; neither py-ptsl nor AceBridge holds that file.
SHA-256: {digest}

py-ptsl is under this licence:

{licence}"""


def descriptor_of(module: str) -> bytes:
    """Return the bytes that the text of a generated module hands to ``AddSerializedFile``.

    Raises ``ValueError`` when there is no such call, or what it gets is no descriptor of PTSL.
    """
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "AddSerializedFile":
            content = ast.literal_eval(node.args[0])
            if descriptor_pb2.FileDescriptorProto.FromString(content).package == "ptsl":
                return bytes(content)
    raise ValueError("the module holds no descriptor of PTSL")


def write(folder: Path) -> None:
    """Write descriptor and notice from a folder that py-ptsl is installed in."""
    content = descriptor_of((folder / _MODULE).read_text("utf-8"))
    (about,) = folder.glob("py_ptsl-*.dist-info")
    notice = _PROVENANCE.format(
        version=about.name.removesuffix(".dist-info").split("-")[1],
        module=_MODULE,
        digest=hashlib.sha256(content).hexdigest(),
        licence=(about / "licenses" / "LICENSE").read_text("utf-8"),
    )
    DESCRIPTOR.write_bytes(content)
    NOTICE.write_text(notice, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

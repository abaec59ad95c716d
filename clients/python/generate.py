#!/usr/bin/python3
"""Writes medplum_pdp/_v1, the generated code of proto/medplum/pdp/v1.

usage: generate.py [--check]

Needs protoc and grpc_python_plugin (Debian: protobuf-compiler,
protobuf-compiler-grpc).  What it writes is checked in, so that the package can
be installed without them.  With --check it writes nothing, and fails where what
is checked in is not what it would write.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
OUT = HERE / "medplum_pdp/_v1"
PROTOS = ("medplum/pdp/v1/types.proto", "medplum/pdp/v1/decision.proto")
FILES = ("types_pb2.py", "types_pb2.pyi", "decision_pb2.py",
         "decision_pb2.pyi", "decision_pb2_grpc.py")

# The generated code is a part of this package, and so is what it imports.
IMPORT = re.compile(r"^from medplum\.pdp\.v1 import ", re.M)


def generated() -> dict[str, str]:
    """The text of each of FILES."""
    plugin = shutil.which("grpc_python_plugin")
    if plugin is None or shutil.which("protoc") is None:
        sys.exit("generate.py: protoc or grpc_python_plugin is missing: "
                 "apt-get install protobuf-compiler protobuf-compiler-grpc")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            ["protoc", f"--proto_path={PROTO}", f"--python_out={directory}",
             f"--pyi_out={directory}", f"--grpc_out={directory}",
             f"--plugin=protoc-gen-grpc={plugin}", *PROTOS], check=True)
        made = pathlib.Path(directory, "medplum/pdp/v1")
        return {name: IMPORT.sub("from medplum_pdp._v1 import ",
                                 (made / name).read_text(encoding="utf-8"))
                for name in FILES}


def main() -> int:
    files = generated()
    if sys.argv[1:] != ["--check"]:
        for name, text in files.items():
            (OUT / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in files.items()
             if not (OUT / name).exists() or
             (OUT / name).read_text(encoding="utf-8") != text]
    if stale:
        print("not what proto/ says: " + ", ".join(stale) +
              "; run clients/python/generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

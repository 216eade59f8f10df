# SPDX-License-Identifier: Apache-2.0
"""Has the API's messages generated from the daemon's own .proto whenever the package is built."""
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
# The daemon's sources beside this package; in a source distribution they are inside.
ROOTS = [HERE.parents[1] / "proto", HERE / "proto"]
API = "distributor/v1/distributor.proto"
ERRORS = "error_details.proto"


class BuildWithMessages(build_py):
    def run(self):
        super().run()
        root = next((root for root in ROOTS if (root / API).exists()), None)
        if root is None:
            raise SystemExit(f"no {API} in any of {', '.join(map(str, ROOTS))}")
        generated = Path(self.build_lib) / "distributord_octavia" / "messages"
        generated.mkdir(parents=True, exist_ok=True)
        (generated / "__init__.py").write_text("")
        scratch = Path(self.build_lib) / "generated"
        for proto_path, name in [(root, API), (HERE / "proto", ERRORS)]:
            scratch.mkdir(exist_ok=True)
            compile_messages(proto_path, name, scratch)
            module = name.replace(".proto", "_pb2.py")
            shutil.copy(scratch / module, generated / Path(module).name)
            shutil.rmtree(scratch)


def compile_messages(proto_path, name, output):
    arguments = [f"--proto_path={proto_path}", f"--python_out={output}", name]
    protoc = shutil.which("protoc")
    command = [protoc] if protoc else [sys.executable, "-m", "grpc_tools.protoc"]
    if not protoc:
        import grpc_tools

        arguments.insert(0, f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}")
    subprocess.run([*command, *arguments], check=True)


setup(cmdclass={"build_py": BuildWithMessages})

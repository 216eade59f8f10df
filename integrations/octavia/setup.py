# SPDX-License-Identifier: Apache-2.0
"""Has the API's messages generated from the daemon's own .proto whenever the package is built."""
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# A link into the daemon's sources; a source distribution has a copy.
PROTO = Path(__file__).resolve().parent / "proto"
FILES = ["distributor/v1/distributor.proto", "error_details.proto"]


class BuildWithMessages(build_py):
    def run(self):
        super().run()
        messages = Path(self.build_lib) / "distributord_octavia" / "messages"
        messages.mkdir(parents=True, exist_ok=True)
        (messages / "__init__.py").write_text("")
        scratch = Path(self.build_lib) / "generated"
        scratch.mkdir(exist_ok=True)
        compile_messages(scratch)
        for generated in scratch.rglob("*_pb2.py"):
            shutil.copy(generated, messages)
        shutil.rmtree(scratch)


def compile_messages(output):
    arguments = [f"--proto_path={PROTO}", f"--python_out={output}", *FILES]
    if shutil.which("protoc"):
        command = ["protoc"]
    else:
        import grpc_tools

        command = [sys.executable, "-m", "grpc_tools.protoc"]
        arguments.insert(0, f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}")
    subprocess.run([*command, *arguments], check=True)


setup(cmdclass={"build_py": BuildWithMessages})

"""Where things are, and how programs are run, for the tests of deploy/ and k8s/."""

import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PERKLINE_BIN_DIR", SOURCE / "build/release/bin"))
# What people may have set for themselves: no test goes by it.
NAMES = [
    "PORT",
    "PDI_API_URL",
    "PDI_CLIENT_ID",
    "PDI_CLIENT_SECRET",
    "PDI_CLIENT_SECRET_FILE",
    "LOG_LEVEL",
    "SESSION_TTL_HOURS",
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "STORE_ID",
    "HUB_ENDPOINT",
    "HUB_PUBLIC_KEY",
    "HUB_SECRET_KEY_FILE",
    "SYNC_SECRET_KEY_FILE",
    "SYNC_LISTEN",
    "PUBLIC_URL",
]


def run(*command, environment=None, check=True):
    """A program to its end, with nothing of NAMES but what `environment` says."""
    own = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [str(part) for part in command],
        env=own | (environment or {}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DeployTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_text(content)
        return path

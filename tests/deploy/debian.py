"""What the checks of packages and images make their own Debian 12 of."""

import re
import subprocess
import sys


def apt_sources():
    """The machine's own sources of Debian 12, as sources.list lines."""
    text = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
            "Created-By: Packages",
        ],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout
    found = sorted({line for line in text.splitlines() if re.match(r"Debian\|[^|]+\|bookworm", line)})
    if not found:
        sys.exit("apt on this machine knows no Debian 12 sources (apt-get update)")
    return "".join("deb {1} {2} {3}\n".format(*line.split("|")) for line in found)

#!/usr/bin/python3
"""check.py FOLDER: what `./run package --check` does with the packages in FOLDER.

lintian; then, in a clean Debian 12 of the machine's own apt sources, booted under systemd-nspawn: installed,
run as their units say, a sale made, watched, backed up (from a PostgreSQL too), upgraded, removed, purged (inside.sh). Root.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from debian import apt_sources  # noqa: E402

# What the check itself needs beside a minimal Debian.
TOOLS = "systemd,systemd-sysv,curl,ca-certificates"
NEWER = "99.0"


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def newer(package, folder):
    """The same package under a higher version, for the upgrade."""
    tree = folder / "tree"
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {NEWER}", control.read_text()))
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, folder)
    shutil.rmtree(tree)


def make_root(folder, packages):
    inside = folder / "packages"
    inside.mkdir()
    for package in packages:
        shutil.copy(package, inside)
    (folder / "upgrade").mkdir()
    for package in packages:
        newer(package, folder / "upgrade")
    (folder / "sources.list").write_text(apt_sources())
    root = folder / "root"
    run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={TOOLS}",
        f"--customize-hook=copy-in {inside} {folder / 'upgrade'} /",
        '--customize-hook=chroot "$1" sh -c "apt-get install -y -q --no-install-recommends /packages/*.deb"',
        # After them: nothing that they need is there because of it.
        '--customize-hook=chroot "$1" apt-get install -y -q --no-install-recommends postgresql sqlite3',
        "bookworm",
        root,
        folder / "sources.list",
    )
    return root


def boot(root):
    """Boots it with inside.sh as a service; its exit status is the machine's."""
    shutil.copy(HERE / "inside.sh", root / "inside.sh")
    (root / "etc/systemd/system/check.service").write_text(
        "[Unit]\nSuccessAction=exit\nFailureAction=exit\nAfter=multi-user.target\n"
        "[Service]\nType=oneshot\nExecStart=/bin/bash /inside.sh\n"
        "StandardOutput=file:/check.log\nStandardError=inherit\nTimeoutStartSec=480\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    run("systemctl", f"--root={root}", "--quiet", "enable", "check.service")
    done = subprocess.run(
        [
            "systemd-nspawn",
            "--quiet",
            "--directory",
            str(root),
            "--boot",
            "--register=no",
            "--keep-unit",
            "--private-network",
            "--console=pipe",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
    )
    log = root / "check.log"
    if not log.exists():
        sys.exit("check.py: systemd-nspawn cannot boot here:\n" + done.stdout.decode(errors="replace"))
    print(log.read_text())
    return done.returncode


def main():
    packages = sorted(pathlib.Path(sys.argv[1]).resolve().glob("*.deb"))
    if [path.name.split("_")[0] for path in packages] != ["perkline-edge", "perkline-hub", "perkline-tools"]:
        sys.exit(f"check.py: not one of each package in {sys.argv[1]}")
    say("lintian")
    run("lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", *packages)
    if os.geteuid() != 0:
        sys.exit("check.py: the clean Debian needs root")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        say("a clean Debian 12, with the packages")
        root = make_root(pathlib.Path(name), packages)
        say("booted")
        status = boot(root)
        if status != 0:
            say("what the services said last")
            subprocess.run(
                [
                    "journalctl",
                    "--directory",
                    str(root / "var/log/journal"),
                    "--no-pager",
                    "-n",
                    "60",
                    "-u",
                    "perkline-*",
                ]
            )
        sys.exit(status)


if __name__ == "__main__":
    main()

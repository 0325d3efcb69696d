#!/usr/bin/python3
"""check.py: what `./run images --check` does.

deploy/container's images, built from its Dockerfile by buildah, and run as its compose file says by Docker and docker-compose:
all of them Debian 12's own, in a tree of their own with its own mounts and processes, and, once there is nothing more to get from
apt and npm, its own network (build.sh, inside.sh). No registry of images is asked: debian:12, postgres and nginx are made here,
out of Debian's packages. Root; some 10 GB in /var/tmp.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))

from debian import apt_sources  # noqa: E402

TOOLS = "buildah,docker.io,docker-compose,iptables,curl,ca-certificates"
# enter TREE SOURCE CCACHE COMMAND...: as its processes' root, since what Docker starts in a container comes in by the mounts alone.
ENTER = """
set -eu
root=$1 source=$2 ccache=$3
shift 3
ip link set lo up 2> /dev/null || true
mount --bind "$root" "$root"
cd "$root"
mkdir -p source ccache images old
mount -t proc proc proc
mount --rbind /sys sys
mount -t sysfs sysfs sys 2> /dev/null && mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --bind -o ro "$source" source
mount --bind "$ccache" ccache
cp --dereference /etc/resolv.conf /etc/hosts etc/
pivot_root . old
umount --lazy /old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
"""


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def enter(root, script, *namespaces):
    shutil.copy(HERE / script, root / script)
    ccache = SOURCE / "build/images/ccache"
    ccache.mkdir(parents=True, exist_ok=True)
    # Not root's, where it is run by sudo: whoever has the checkout is to be able to throw it away.
    owner = SOURCE.stat()
    for folder in (SOURCE / "build", SOURCE / "build/images", ccache):
        os.chown(folder, owner.st_uid, owner.st_gid)
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", *namespaces]
    run("nice", "-n", "10", *unshare, "bash", "-c", ENTER, "enter", root, SOURCE, ccache, "bash", f"/{script}")


def npm_settings(folder):
    """What npm on this machine goes by, for the npm inside; nothing where there is none."""
    folder.mkdir()
    settings = ""
    if shutil.which("npm"):

        def setting(name):
            return subprocess.run(
                ["npm", "config", "get", name], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ).stdout.strip()

        settings = f"registry={setting('registry')}\n"
        if pathlib.Path(setting("cafile")).is_file():
            shutil.copy(setting("cafile"), folder / "ca.pem")
            settings += "cafile=/npm/ca.pem\n"
    (folder / "npmrc").write_text(settings)


def main():
    if os.geteuid() != 0:
        sys.exit("check.py: needs root")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        root = folder / "root"
        sources = folder / "sources.list"
        sources.write_text(apt_sources())
        print("== a Debian 12 with Docker's and buildah's packages", flush=True)
        make = ["mmdebstrap", "--quiet", "--variant=minbase"]
        run(*make, f"--include={TOOLS}", "bookworm", root, sources)
        run(*make, "bookworm", root / "base.tar", sources)
        npm_settings(root / "npm")
        enter(root, "build.sh")
        enter(root, "inside.sh", "--net")


if __name__ == "__main__":
    main()

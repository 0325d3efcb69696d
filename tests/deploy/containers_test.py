"""deploy/container without an engine: what is in the files, and its programs under its configurations."""

import http.client
import ipaddress
import json
import os
import pathlib
import re
import subprocess
import time
import unittest

import yaml

from support import BIN, SOURCE, DeployTest, free_port, run

HERE = SOURCE / "deploy/container"
NGINX = os.environ.get("PERKLINE_NGINX") or next(
    (path for path in (SOURCE / "build/nginx/usr/sbin/nginx",) if path.exists()), "/usr/sbin/nginx"
)
PATH = {"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"}


class Compose(DeployTest):
    def setUp(self):
        super().setUp()
        self.compose = yaml.safe_load((HERE / "compose.yaml").read_text())
        self.services = self.compose["services"]

    def test_has_two_hubs_postgresql_nginx_a_sandbox_and_a_store(self):
        self.assertLessEqual({"postgres", "hub-1", "hub-2", "nginx", "sandbox", "edge"}, set(self.services))

    def test_gives_each_container_no_more_than_it_needs(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                # Ours run as the image's own user.
                self.assertTrue("build" in service or not service["user"].startswith("0"))
                self.assertNotIn("privileged", service)
                for port in service.get("ports", []):
                    self.assertTrue(port.startswith("127.0.0.1:"))
                # No secret lies in the environment.
                for key in service.get("environment", {}):
                    self.assertTrue("PASSWORD" not in key or key.endswith("_FILE"))

    def test_lets_each_user_write_its_own_tmpfs(self):
        for name, service in self.services.items():
            if "user" not in service:
                self.assertEqual(service["tmpfs"], ["/tmp"], name)
                continue
            user, group = service["user"].split(":")
            for path, _, options in (entry.partition(":") for entry in service["tmpfs"]):
                # An image's /tmp is everybody's, and a tmpfs there too; any other is root's alone.
                if path != "/tmp":
                    self.assertEqual(set(options.split(",")), {f"uid={user}", f"gid={group}"}, f"{name}: {path}")

    def test_shows_each_container_its_own_secrets_alone(self):
        allowed = {"hub-1": "hub", "hub-2": "hub", "edge": "edge", "sandbox": "pdi", "postgres": "postgres"}
        for name, service in self.services.items():
            seen = {volume.split(":")[0] for volume in service.get("volumes", []) if "-secrets:" in volume}
            if name in ("keys", "store"):
                continue
            self.assertEqual(seen, {f"{allowed[name]}-secrets"} if name in allowed else set(), name)
            self.assertTrue(
                all(volume.endswith(":ro") for volume in service.get("volumes", []) if "-secrets:" in volume)
            )

    def test_refers_to_what_is_there(self):
        stages = set(re.findall(r"(?m)^FROM \S+ AS (\w+)$", (HERE / "Dockerfile").read_text()))
        for name, service in self.services.items():
            with self.subTest(name):
                for needed, condition in service.get("depends_on", {}).items():
                    self.assertIn(needed, self.services)
                    if condition["condition"] == "service_healthy" and "build" not in self.services[needed]:
                        self.assertIn("test", self.services[needed]["healthcheck"])
                if "build" in service:
                    self.assertIn(service["build"]["target"], stages)
                    self.assertTrue(
                        (HERE / service["build"]["context"] / service["build"]["dockerfile"]).exists()
                    )
                for volume in service.get("volumes", []):
                    source = volume.split(":")[0]
                    if source.startswith("."):
                        self.assertTrue((HERE / source).is_file(), source)
                    else:
                        self.assertIn(source, self.compose["volumes"])

    def test_has_the_hubs_trust_nginx_and_nobody_else(self):
        hub = yaml.safe_load((HERE / "hub.yaml").read_text())
        self.assertEqual(
            hub["api"]["trusted_proxies"], [self.services["nginx"]["networks"]["default"]["ipv4_address"]]
        )

    def test_lets_the_daemons_drain(self):
        for name in ("hub-1", "hub-2", "edge"):
            self.assertGreater(int(self.services[name]["stop_grace_period"].removesuffix("s")), 10)
        # It waits for the members' sockets, which last.
        (limit,) = re.findall(r"worker_shutdown_timeout (\d+)s;", self.services["nginx"]["command"][-1])
        self.assertGreater(int(self.services["nginx"]["stop_grace_period"].removesuffix("s")), int(limit))

    def test_gives_nginx_and_the_hubs_that_it_asks_addresses_that_stay(self):
        (pool,) = self.compose["networks"]["default"]["ipam"]["config"]
        subnet = ipaddress.ip_network(pool["subnet"])
        # An engine hands out the first free address of the range to whatever starts first.
        handed_out = ipaddress.ip_network(pool.get("ip_range", pool["subnet"]))
        self.assertTrue(handed_out.subnet_of(subnet))
        asked = re.findall(r"(?m)^ *server (\S+):\d+", (HERE / "nginx.conf").read_text())
        self.assertEqual(asked, ["hub-1", "hub-2"])
        addresses = [
            ipaddress.ip_address(self.services[name]["networks"]["default"]["ipv4_address"])
            for name in ["nginx", *asked]
        ]
        self.assertEqual(len(set(addresses)), len(addresses))
        for address in addresses:
            self.assertIn(address, subnet)
            # The first may be the gateway's.
            self.assertNotEqual(address, subnet[1])
            self.assertNotIn(address, handed_out)

    def test_has_no_container_live_in_anothers_network(self):
        # It would be cut off for good when that one starts anew.
        for name, service in self.services.items():
            self.assertNotIn("network_mode", service, name)


class Images(DeployTest):
    def setUp(self):
        super().setUp()
        text = (HERE / "Dockerfile").read_text()
        self.stages = {
            name: body for name, body in re.findall(r"(?ms)^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", text)
        }

    def test_are_built_without_what_a_build_on_this_machine_has_left_whatever_the_builder(self):
        # Only BuildKit reads one of the Dockerfile's own; both read the context's, unless there is one of its own.
        self.assertEqual(list(HERE.glob("*.dockerignore")), [])
        left_out = (SOURCE / ".dockerignore").read_text().split()
        self.assertLessEqual({".git", "build", ".demo"}, set(left_out))

    def test_run_as_nobody_of_note_and_say_whether_they_are_well(self):
        self.assertEqual(list(self.stages), ["build", "hub", "edge", "tools"])
        for name, body in self.stages.items():
            if name == "build":
                continue
            with self.subTest(name):
                self.assertIn("\nUSER 10001:10001\n", body)
                (port,) = re.findall(r'HEALTHCHECK .*CMD \["answers", "(\d+)", "/[a-z/]+"\]', body)
                self.assertIn(port, re.search(r"EXPOSE (.*)", body)[1].split())
                (program,) = re.findall(r'ENTRYPOINT \["(\S+)"\]', body)
                self.assertTrue((BIN / program).exists())
                for source in re.findall(r"(?m)^COPY (?!--from)(\S+) ", body):
                    self.assertTrue((SOURCE / source).exists(), source)

    def test_get_their_programs_and_what_these_need_by_name_out_of_the_packages(self):
        depends = (
            "systemd | systemd-sysusers, systemd | systemd-tmpfiles, "
            "libc6 (>= 2.34), libfmt9 (>= 9.1), libsystemd0"
        )
        packages = self.folder / "build/release/packages"
        packages.mkdir(parents=True)
        for part in ("edge", "hub", "tools"):
            tree = self.folder / part
            for folder in ("DEBIAN", "usr/bin"):
                (tree / folder).mkdir(parents=True)
            (tree / "usr/bin" / part).touch()
            (tree / "DEBIAN/control").write_text(
                f"Package: perkline-{part}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\n"
                f"Depends: {depends}\nDescription: a\n"
            )
            run("dpkg-deb", "--build", tree, packages / f"perkline-{part}_1_all.deb")
        # The step itself, as /bin/sh is given it there: in an image that has no /out yet.
        step = re.search(r"(?ms)^RUN (set -eu;.*?[^\\])\n", self.stages["build"])[1].replace("\\\n", "")
        out = self.folder / "out"
        run("sh", "-c", f"cd {self.folder}; " + step.replace("/out", str(out)))
        for part in ("edge", "hub", "tools"):
            self.assertTrue((out / part / "usr/bin" / part).is_file())
            self.assertEqual((out / f"{part}.needs").read_text().split(), ["libc6", "libfmt9", "libsystemd0"])


class Chain(DeployTest):
    """compose.yaml's programs under its configurations, on this machine's ports and SQLite."""

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "w")
        self.addCleanup(log.close)
        child = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        self.addCleanup(child.wait, 30)
        self.addCleanup(child.terminate)

    def setup_step(self, step):
        return run(
            HERE / "setup", step, environment=PATH | {"SECRETS": str(self.folder), "HERE": str(self.folder)}
        )

    def answers(self, port, path):
        return run(HERE / "answers", port, path, check=False).returncode == 0

    def eventually(self, what, *arguments):
        end = time.monotonic() + 30
        while not what(*arguments):
            logs = "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
            self.assertLess(time.monotonic(), end, logs)
            time.sleep(0.05)

    def post(self, port, path, body, token=""):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "POST",
            path,
            json.dumps(body),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content)

    def configure(self):
        """The files as compose.yaml mounts them, but for addresses, folders and the database."""
        self.port = {
            name: free_port()
            for name in (
                "hub-1",
                "ops-1",
                "sync-1",
                "hub-2",
                "ops-2",
                "sync-2",
                "nginx",
                "pdi",
                "edge",
                "edge-ops",
            )
        }
        for folder in ("hub", "edge", "pdi", "postgres", "data"):
            (self.folder / folder).mkdir()
        port = self.port
        hub = (
            (HERE / "hub.yaml")
            .read_text()
            .replace("/secrets", str(self.folder))
            .replace("172.30.7.2", "127.0.0.1")
        )
        self.file("hub.yaml", hub)
        for number in ("1", "2"):
            self.file(
                f"hub-{number}.yaml",
                hub.replace("0.0.0.0:8080", f"127.0.0.1:{port['hub-' + number]}")
                .replace("0.0.0.0:8081", f"127.0.0.1:{port['ops-' + number]}")
                .replace("0.0.0.0:7090", f"127.0.0.1:{port['sync-' + number]}"),
            )
        self.file(
            "edge.yaml",
            (HERE / "edge.yaml")
            .read_text()
            .replace("/secrets", str(self.folder))
            .replace("/var/lib/perkline-edge", f"{self.folder}/data")
            .replace("0.0.0.0:7070", f"127.0.0.1:{port['edge']}")
            .replace("127.0.0.1:7071", f"127.0.0.1:{port['edge-ops']}")
            .replace("sandbox:7443", f"127.0.0.1:{port['pdi']}")
            .replace("hub-1:7090", f"127.0.0.1:{port['sync-1']}")
            .replace("hub-2:7090", f"127.0.0.1:{port['sync-2']}")
            + f"data_dir: {self.folder}/data\n",
        )
        self.file(
            "sandbox.yaml",
            (HERE / "sandbox.yaml")
            .read_text()
            .replace("/secrets", str(self.folder))
            .replace("0.0.0.0:7443", f"127.0.0.1:{port['pdi']}"),
        )
        site = (HERE / "nginx.conf").read_text()
        for number in ("1", "2"):
            site = site.replace(f"hub-{number}:8080", f"127.0.0.1:{port['hub-' + number]}")
        self.file("site.conf", site.replace("listen 8080", f"listen 127.0.0.1:{port['nginx']}"))
        self.file("perkline.locations", (SOURCE / "deploy/nginx/perkline.locations").read_text())
        folders = "".join(
            f"{name}_temp_path {self.folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.file(
            "nginx.conf",
            ("user root;\n" if os.geteuid() == 0 else "") + f"pid {self.folder}/pid;\n"
            f"error_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}include site.conf;\n}}\n",
        )

    def test_is_set_up_once_and_sells(self):
        self.configure()
        self.setup_step("keys")
        secrets = {
            name: (self.folder / name).read_text()
            for name in (
                "hub/sync-secret-key",
                "hub/database-url",
                "edge/secret-key",
                "pdi/key",
                "postgres/password",
                "hub/admin-password",
            )
        }
        password = (self.folder / "postgres/password").read_text()
        self.assertRegex(password, "^[0-9a-f]{64}$")
        self.assertEqual(
            secrets["hub/database-url"], f"postgresql://perkline:{password}@postgres:5432/perkline\n"
        )
        for number in ("1", "2"):
            run(BIN / "perkline-hub", "check-config", "--config", self.folder / f"hub-{number}.yaml")
        run(BIN / "perkline-edge", "check-config", "--config", self.folder / "edge/edge.yaml")
        self.setup_step("keys")
        self.assertEqual(secrets, {name: (self.folder / name).read_text() for name in secrets}, "made once")
        # Cut short before the last of them: the next run makes them anew.
        (self.folder / "hub/database-url").unlink()
        self.setup_step("keys")
        self.assertNotEqual(
            secrets["hub/sync-secret-key"], (self.folder / "hub/sync-secret-key").read_text()
        )

        # A hub each by itself, as SQLite has but one.
        self.file("hub/database-url", f"sqlite:{self.folder}/hub.db\n")
        self.setup_step("store")
        self.setup_step("store")
        port = self.port
        self.start("hub-1", BIN / "perkline-hub", "serve", "--config", self.folder / "hub-1.yaml")
        self.start("sandbox", BIN / "pdi-sandbox", "serve", "--config", self.folder / "sandbox.yaml")
        self.eventually(self.answers, port["ops-1"], "/health/ready")
        compose = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]
        kind, healthy = compose["sandbox"]["healthcheck"]["test"]
        self.assertEqual(kind, "CMD-SHELL")
        healthy = healthy.replace("7443", str(port["pdi"]))
        self.eventually(lambda: run("sh", "-c", healthy, check=False).returncode == 0)
        self.assertNotEqual(
            run("sh", "-c", healthy.replace("/stats", "/nothing"), check=False).returncode, 0
        )
        (program, *arguments) = compose["nginx"]["command"]
        self.assertEqual(program, "nginx")
        self.start("nginx", NGINX, "-e", "stderr", "-c", self.folder / "nginx.conf", *arguments)
        self.start("edge", BIN / "perkline-edge", "serve", "--config", self.folder / "edge/edge.yaml")
        self.eventually(self.answers, port["edge-ops"], "/health/ready")
        self.eventually(self.answers, port["nginx"], "/health")
        self.assertFalse(self.answers(port["nginx"], "/api/v1/nothing"))
        self.assertFalse(self.answers(free_port(), "/health"))

        status, admin = self.post(
            port["nginx"],
            "/api/v1/auth/login",
            {"login": "admin@example.com", "password": (self.folder / "hub/admin-password").read_text()},
        )
        self.assertEqual(status, 200, admin)
        till = run(
            BIN / "perkline-edge", "terminal", "add", "POS-1", "--config", self.folder / "edge/edge.yaml"
        ).stdout.strip()
        self.eventually(lambda: self.post(port["edge"], "/v1/void", {}, till)[0] == 400)
        _, session = self.post(
            port["edge"],
            "/v1/identify",
            {"customerId": "CUST-12345", "channelId": "POS-1", "transactionId": "T-1"},
            till,
        )
        sale = {"sessionId": session["sessionId"]}
        self.post(
            port["edge"],
            "/v1/calculateRewards",
            sale | {"transactionAmount": "150.00", "items": [{"sku": "SKU-001", "qty": 2}]},
            till,
        )
        status, sold = self.post(
            port["edge"],
            "/v1/finalize",
            sale | {"transactionId": "T-1", "finalAmount": "150.00", "applyRewards": True},
            till,
        )
        self.assertEqual((status, sold["earnedPoints"]), (200, 450))

        def at_the_hub():
            shown = run(
                BIN / "perkline-hub",
                "store",
                "show",
                "store-1",
                "--json",
                "--config",
                self.folder / "hub-1.yaml",
            )
            return json.loads(shown.stdout)["cursor"] > 0

        self.eventually(at_the_hub)


if __name__ == "__main__":
    unittest.main()

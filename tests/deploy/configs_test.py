"""Every configuration in deploy/ and k8s/ through the programs that read it."""

import re
import unittest

from support import BIN, SOURCE, DeployTest, run

EXAMPLES = SOURCE / "deploy/systemd"
PACKAGE = SOURCE / "deploy/package"
EDGE, HUB = BIN / "perkline-edge", BIN / "perkline-hub"


def check(program, config, **environment):
    return run(program, "check-config", "--config", config, environment=environment, check=False)


def effective(program, config, **environment):
    return run(program, "print-config", "--config", config, environment=environment).stdout


class Examples(DeployTest):
    def accepted(self, program, config, **environment):
        done = check(program, config, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def setUp(self):
        super().setUp()
        run(HUB, "keygen", "--out", self.folder / "key")
        self.key = {"SYNC_SECRET_KEY_FILE": str(self.folder / "key")}

    def test_of_the_edge_is_accepted_with_nothing_in_the_environment(self):
        self.accepted(EDGE, EXAMPLES / "edge.example.yaml")

    def test_of_the_hub_is_accepted_and_told_that_serving_takes_a_key(self):
        self.accepted(HUB, EXAMPLES / "hub.example.yaml", **self.key)
        done = check(HUB, EXAMPLES / "hub.example.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("note: sync.secret_key is required to serve; perkline-hub keygen", done.stderr)

    def test_of_the_edge_reads_the_names_people_know(self):
        known = {
            "PORT": "3000",
            "PDI_API_URL": "https://pdi.example.com",
            "PDI_CLIENT_ID": "client-7",
            "PDI_CLIENT_SECRET": "hunter2",
            "LOG_LEVEL": "debug",
            "SESSION_TTL_HOURS": "12",
        }
        self.accepted(EDGE, EXAMPLES / "edge.example.yaml", **known)
        shown = effective(EDGE, EXAMPLES / "edge.example.yaml", **known)
        for part in ("3000", "https://pdi.example.com", "client-7", "***", "debug", "ttl_hours: 12"):
            self.assertIn(part, shown)
        self.assertNotIn("hunter2", shown)

    def test_of_the_hub_reads_the_names_people_know(self):
        known = {
            "PORT": "3000",
            "LOG_LEVEL": "debug",
            "DATABASE_URL": "postgresql://hub:hunter2@db:5432/perkline",
            **self.key,
        }
        self.accepted(HUB, EXAMPLES / "hub.example.yaml", **known)
        shown = effective(HUB, EXAMPLES / "hub.example.yaml", **known)
        for part in ("3000", "debug", "postgresql://hub:***@db:5432/perkline"):
            self.assertIn(part, shown)
        self.assertNotIn("hunter2", shown)

    def test_of_the_hub_takes_either_word_for_postgresql_in_a_url(self):
        for scheme in ("postgresql", "postgres"):
            url = f"{scheme}://hub:hunter2@db:5432/perkline"
            self.accepted(HUB, EXAMPLES / "hub.example.yaml", DATABASE_URL=url, **self.key)
            shown = effective(HUB, EXAMPLES / "hub.example.yaml", DATABASE_URL=url, **self.key)
            self.assertIn(f"{scheme}://hub:***@db:5432/perkline", shown)

    def test_a_name_set_to_nonsense_is_told_by_its_key(self):
        done = check(
            EDGE, EXAMPLES / "edge.example.yaml", PORT="all", SESSION_TTL_HOURS="0", LOG_LEVEL="loud"
        )
        self.assertEqual(done.returncode, 2)
        self.assertEqual(
            re.findall(r"(\S+): must", done.stderr + done.stdout),
            ["api.listen", "session.ttl_hours", "log.level"],
        )

    def test_of_the_stand_ins_rules_is_accepted(self):
        text = (EXAMPLES / "edge.example.yaml").read_text()
        rules = f'rules_file: "{EXAMPLES}/standin-rules.example.yaml"'
        self.accepted(EDGE, self.file("edge.yaml", text.replace('rules_file: ""', rules)))


class Packaged(DeployTest):
    """/etc/perkline as it is after the package was installed."""

    def setUp(self):
        super().setUp()
        self.secrets = {
            "PDI_CLIENT_SECRET_FILE": str(self.file("secret", "hunter2\n")),
            "HUB_SECRET_KEY_FILE": str(self.file("key", "ab" * 32 + "\n")),
        }

    def test_the_edges_names_what_only_the_store_can_supply(self):
        done = check(EDGE, PACKAGE / "edge.yaml", **self.secrets)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(
            re.findall(r"edge\.yaml: (\S+): ", done.stderr + done.stdout),
            ["store_id", "pdi.url", "pdi.client_id"],
        )

    def test_the_edges_says_that_a_store_with_a_hubs_key_and_no_endpoint_has_no_hub(self):
        values = {"STORE_ID": "store-7", "PDI_API_URL": "https://pdi.example.com", "PDI_CLIENT_ID": "c"}
        done = check(EDGE, PACKAGE / "edge.yaml", **self.secrets, **values)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("note: hub.endpoint is empty: no sale goes to a hub", done.stderr)

    def test_the_edges_names_a_secret_that_is_missing_by_its_file(self):
        done = check(EDGE, PACKAGE / "edge.yaml", PDI_CLIENT_SECRET_FILE=f"{self.folder}/none")
        self.assertIn("pdi.client_secret_file: names a file that does not exist", done.stderr + done.stdout)

    def test_the_edges_is_whole_with_what_edge_env_names(self):
        names = set(re.findall(r"^#?(\w+)=", (PACKAGE / "edge.env").read_text(), re.M))
        values = {
            "STORE_ID": "store-7",
            "PDI_API_URL": "https://pdi.example.com",
            "PDI_CLIENT_ID": "c",
            "HUB_ENDPOINT": "tcp://hub.example.com:7090",
            "HUB_PUBLIC_KEY": "cd" * 32,
            "PORT": "7070",
            "SESSION_TTL_HOURS": "24",
            "LOG_LEVEL": "info",
        }
        self.assertEqual(names, set(values))
        done = check(EDGE, PACKAGE / "edge.yaml", **self.secrets, **values)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_hubs_is_whole_with_its_key(self):
        done = self.hub_at_a_shell(PACKAGE / "hub.env", "check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        names = set(re.findall(r"^#?(\w+)=", (PACKAGE / "hub.env").read_text(), re.M))
        self.assertEqual(
            names,
            set(re.findall(r"\$\{(\w+)", (PACKAGE / "hub.yaml").read_text())) - {"SYNC_SECRET_KEY_FILE"},
        )

    def hub_at_a_shell(self, env, command):
        """As hub.env itself says that commands are given."""
        environment = {"SYNC_SECRET_KEY_FILE": self.secrets["HUB_SECRET_KEY_FILE"]}
        line = f". {env}; exec {HUB} {command} --config {PACKAGE}/hub.yaml"
        return run("sh", "-ac", line, environment=environment, check=False)

    def test_the_hubs_has_no_other_database_for_a_shell_without_hub_env(self):
        done = self.hub_at_a_shell("/dev/null", "migrate")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("DATABASE_URL", done.stderr)

    def test_a_shell_reads_in_the_env_files_what_systemd_does(self):
        for name in ("edge.env", "hub.env"):
            for line in (PACKAGE / name).read_text().splitlines():
                if re.match(r"#?\w+=", line):
                    self.assertRegex(line, r"^#?\w+='[^']*'$")
        # The example that names two parameters, put to use.
        url = re.search(r"'(postgresql://.*&.*)'", (PACKAGE / "hub.env").read_text())[1]
        env = self.file("hub.env", f"DATABASE_URL='{url}'\n")
        shown = self.hub_at_a_shell(env, "print-config").stdout
        self.assertIn(url.replace(":password@", ":***@"), shown)

    def test_their_secrets_are_where_the_units_take_them_from(self):
        for daemon in ("edge", "hub"):
            config = (PACKAGE / f"{daemon}.yaml").read_text()
            unit = (EXAMPLES / f"perkline-{daemon}.service").read_text()
            for name, path in re.findall(r"\$\{(\w+_FILE):-/etc/credstore/([^}]+)\}", config):
                self.assertIn(f"LoadCredential={path}\n", unit)
                self.assertIn(f"Environment={name}=%d/{path}\n", unit)


if __name__ == "__main__":
    unittest.main()

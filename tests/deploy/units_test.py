"""The units as systemd's own tools see them."""

import configparser
import re
import unittest

from support import BIN, SOURCE, DeployTest, run

UNITS = SOURCE / "deploy/systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
TIMERS = sorted(path.name for path in UNITS.glob("*.timer"))
EXPOSURE_MAX = 1.5


def settings(name):
    """What the [Service] section says, a list for each key."""
    found = {}
    for line in (UNITS / name).read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


class Units(DeployTest):
    def test_systemd_finds_no_fault_in_them(self):
        # Where the build has put the programs, in place of where a package does.
        for name in SERVICES + TIMERS:
            text = (UNITS / name).read_text()
            text = re.sub(r"^(Exec\w+)=(perkline-\w+)", rf"\1={BIN}/\2", text, flags=re.M)
            text = text.replace(
                "/usr/lib/perkline-hub/daily-backup", str(SOURCE / "deploy/package/hub-daily-backup")
            )
            self.file(name, text)
        done = run(
            "systemd-analyze",
            "verify",
            "--man=no",
            "--recursive-errors=no",
            *[self.folder / name for name in SERVICES + TIMERS],
        )
        about_ours = [line for line in (done.stdout + done.stderr).splitlines() if "perkline" in line]
        self.assertEqual(about_ours, [])

    def test_a_fault_would_be_found(self):
        path = self.file("perkline-broken.service", "[Service]\nExecStart=/bin/true\nProtectSytem=strict\n")
        done = run("systemd-analyze", "verify", "--man=no", path, check=False)
        self.assertIn("ProtectSytem", done.stderr)

    def test_they_expose_little(self):
        self.assertEqual(len(SERVICES), 4)
        for name in SERVICES:
            with self.subTest(name):
                done = run(
                    "systemd-analyze",
                    "security",
                    "--offline=true",
                    "--no-pager",
                    f"--threshold={int(EXPOSURE_MAX * 10)}",
                    UNITS / name,
                    check=False,
                )
                self.assertEqual(done.returncode, 0, done.stdout)
                score = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
                print(f"{name}: exposure {score[1]}")
                self.assertLessEqual(float(score[1]), EXPOSURE_MAX)

    def test_a_daemon_is_watched_restarted_and_bounded(self):
        for name in ("perkline-edge.service", "perkline-hub.service"):
            with self.subTest(name):
                unit = settings(name)
                self.assertEqual(unit["Type"], ["notify"])
                self.assertEqual(unit["Restart"], ["always"])
                self.assertEqual(unit["RestartPreventExitStatus"], ["2 78"])
                self.assertEqual(unit["StartLimitIntervalSec"], ["0"])
                self.assertGreater(int(unit["WatchdogSec"][0]), 0)
                # The daemons drain for 10 s.
                self.assertGreater(int(unit["TimeoutStopSec"][0]), 10)
                for limit in ("MemoryMax", "TasksMax", "LimitNOFILE"):
                    self.assertIn(limit, unit)

    def test_a_store_does_not_wait_for_a_line(self):
        unit = settings("perkline-edge.service")
        for key in ("Wants", "Requires", "After"):
            self.assertNotIn("network-online.target", " ".join(unit.get(key, [])))

    def test_users_folders_and_credentials_are_those_of_the_units(self):
        for daemon in ("perkline-edge", "perkline-hub"):
            users = (UNITS / f"sysusers.d/{daemon}.conf").read_text()
            self.assertRegex(users, rf"(?m)^u {daemon} - ")
            folders = {
                line.split()[1]: line.split()[2:5]
                for line in (UNITS / f"tmpfiles.d/{daemon}.conf").read_text().splitlines()
                if line.startswith("d ")
            }
            for name in (f"{daemon}.service", f"{daemon}-backup.service"):
                with self.subTest(name):
                    unit = settings(name)
                    self.assertEqual(unit["User"], [daemon])
                    self.assertEqual(
                        folders["/var/lib/" + unit["StateDirectory"][0]],
                        [unit["StateDirectoryMode"][0], daemon, daemon],
                    )
                    # Each secret is handed over as a copy, under a name the configuration takes it from.
                    for credential in unit["LoadCredential"]:
                        self.assertTrue(
                            any(value.endswith(f"=%d/{credential}") for value in unit["Environment"])
                        )
            self.assertEqual(folders["/etc/credstore"], ["0700", "root", "root"])
            self.assertEqual(folders[f"/var/backups/{daemon}"], ["0700", daemon, daemon])

    def test_what_they_call_is_in_the_packages_and_in_the_readmes_way_by_hand(self):
        readme = (UNITS / "README.md").read_text()
        packaged = (SOURCE / "deploy/CMakeLists.txt").read_text()
        for name in SERVICES:
            for program in settings(name)["ExecStart"]:
                program = program.split()[0]
                if not program.startswith("/"):
                    # Found in PATH: the daemon's own program.
                    self.assertIn(program, ("perkline-edge", "perkline-hub"))
                    continue
                folder, _, file = program.rpartition("/")
                self.assertIn(f"DESTINATION {folder} RENAME {file}", packaged)
                (source,) = re.findall(rf"install -D (\S+) {program}\n", readme)
                self.assertTrue((UNITS / source).stat().st_mode & 0o111, source)

    def test_a_backup_that_has_no_folder_fails_and_is_not_skipped(self):
        for name in (name for name in SERVICES if "-backup" in name):
            unit = settings(name)
            # systemd counts a unit as failed whose ReadWritePaths= are missing, unless they may be (a leading "-").
            self.assertEqual(unit["ReadWritePaths"], [f"/var/backups/{name.removesuffix('-backup.service')}"])
            self.assertEqual([key for key in unit if key.startswith(("Condition", "Assert"))], [])

    def test_a_timer_for_each_daemon_makes_backups_and_makes_up_for_missed_ones(self):
        self.assertEqual(TIMERS, ["perkline-edge-backup.timer", "perkline-hub-backup.timer"])
        for name in TIMERS:
            with self.subTest(name):
                timer = configparser.ConfigParser()
                timer.read(UNITS / name)
                self.assertEqual(timer["Timer"]["Persistent"], "true")
                run("systemd-analyze", "calendar", timer["Timer"]["OnCalendar"])
                self.assertIn(name.replace(".timer", ".service"), SERVICES)


class DailyBackup(DeployTest):
    """The script around `perkline-hub backup`."""

    def backup(self, folder):
        return run(
            SOURCE / "deploy/package/hub-daily-backup",
            folder,
            "--config",
            self.config,
            check=False,
            environment={"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"},
        )

    def setUp(self):
        super().setUp()
        self.config = self.file("hub.yaml", f'database: {{ url: "sqlite:{self.folder}/hub.db" }}\n')
        run(BIN / "perkline-hub", "migrate", "--config", self.config)
        self.backups = self.folder / "backups"
        self.backups.mkdir()

    def old(self, name):
        path = self.backups / name
        path.write_text("old")
        run("touch", "--date=60 days ago", path)
        return path

    def test_makes_a_copy_that_a_hub_can_be_restored_from(self):
        done = self.backup(self.backups)
        self.assertEqual(done.returncode, 0, done.stderr)
        (copy,) = self.backups.iterdir()
        restored = self.file("restored.yaml", f'database: {{ url: "sqlite:{self.folder}/restored.db" }}\n')
        run(BIN / "perkline-hub", "restore", copy, "--config", restored)
        run(BIN / "perkline-hub", "verify", "--config", restored)

    def test_drops_what_is_old_but_never_the_last_seven(self):
        old = [self.old(f"hub-202401{day:02}T033000Z.backup") for day in range(1, 10)]
        other = self.old("notes.txt")
        self.assertEqual(self.backup(self.backups).returncode, 0)
        self.assertEqual([path.exists() for path in old], [False] * 3 + [True] * 6)
        self.assertTrue(other.exists())

    def test_drops_what_one_left_that_was_killed_half_way_and_no_other_that_still_writes(self):
        broken_off = [self.old(f"hub-20240101T033000Z.backup.new{suffix}") for suffix in ("", "-journal")]
        writing = self.backups / "hub-20240301T033000Z.backup.new"
        writing.write_text("half")
        # Before the new one: it may need the room.
        (self.folder / "hub.db").rename(self.folder / "away.db")
        self.assertNotEqual(self.backup(self.backups).returncode, 0)
        self.assertEqual([path.exists() for path in broken_off], [False, False])
        self.assertTrue(writing.exists())

    def test_drops_nothing_when_there_is_no_new_one(self):
        old = [self.old(f"hub-202401{day:02}T033000Z.backup") for day in range(1, 10)]
        (self.folder / "hub.db").unlink()
        done = self.backup(self.backups)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(all(path.exists() for path in old))


if __name__ == "__main__":
    unittest.main()

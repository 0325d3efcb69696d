"""k8s/ as Debian's kubectl (1.20) renders it, against Kubernetes' schemas, itself, and the hub."""

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import unittest

import yaml

from support import BIN, SOURCE, DeployTest, free_port, run

KUBECTL = pathlib.Path(os.environ.get("PERKLINE_KUBECTL", SOURCE / "build/kubectl/usr/bin/kubectl"))
SCHEMAS = pathlib.Path(os.environ.get("PERKLINE_KUBERNETES", SOURCE / "build/kubernetes"))
OVERLAYS = ["base"] + [f"overlays/{name}" for name in ("embedded", "postgres", "cockroachdb", "example")]
SECRETS = "/etc/perkline/secrets"
HUB = "perkline-hub"


class Rendered:
    """The objects of one folder of k8s/."""

    def __init__(self, folder):
        self.objects = list(yaml.safe_load_all(run(KUBECTL, "kustomize", SOURCE / "k8s" / folder).stdout))

    def of(self, kind):
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind, name=HUB):
        (found,) = [
            item
            for item in self.of(kind)
            if re.fullmatch(name + "(-[a-z0-9]{10})?", item["metadata"]["name"])
        ]
        return found

    def workloads(self):
        regular = [
            {"metadata": item["metadata"], "spec": item["spec"]["jobTemplate"]["spec"]} for item in self.of("CronJob")
        ]
        return self.of("Deployment") + self.of("StatefulSet") + self.of("Job") + regular

    def hub(self):
        (found,) = [
            item for item in self.of("Deployment") + self.of("StatefulSet") if item["metadata"]["name"] == HUB
        ]
        return found

    def configuration(self):
        return self.one("ConfigMap")["data"]["hub.yaml"]


RENDERED = {folder: Rendered(folder) for folder in OVERLAYS}


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


class Objects(DeployTest):
    def each(self):
        for folder, rendered in RENDERED.items():
            with self.subTest(folder):
                yield rendered

    def test_are_there(self):
        replicated = [
            "ConfigMap",
            "CronJob",
            "Deployment",
            "HorizontalPodAutoscaler",
            "Ingress",
            "Job",
            "Namespace",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "PodDisruptionBudget",
            "Service",
            "ServiceAccount",
        ]
        for folder in ("base", "overlays/cockroachdb", "overlays/example"):
            self.assertEqual(sorted({item["kind"] for item in RENDERED[folder].objects}), replicated)
        self.assertEqual(
            {item["kind"] for item in RENDERED["overlays/postgres"].objects} - set(replicated),
            {"StatefulSet"},
        )
        self.assertEqual(RENDERED["base"].hub()["spec"]["replicas"], 3)
        embedded = RENDERED["overlays/embedded"]
        self.assertEqual((embedded.hub()["kind"], embedded.hub()["spec"]["replicas"]), ("StatefulSet", 1))
        self.assertEqual(embedded.of("HorizontalPodAutoscaler") + embedded.of("Deployment"), [])

    def test_are_in_the_namespace_that_is_made(self):
        for rendered in self.each():
            namespace = rendered.one("Namespace", "perkline")
            self.assertEqual(
                namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted"
            )
            for item in rendered.objects:
                if item is not namespace:
                    self.assertEqual(item["metadata"].get("namespace"), "perkline", item["metadata"]["name"])

    def test_have_no_more_rights_than_the_restricted_standard_gives(self):
        for rendered in self.each():
            for workload in rendered.workloads():
                pod = pod_of(workload)
                self.assertIs(pod["automountServiceAccountToken"], False)
                self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                self.assertNotEqual(pod["securityContext"]["runAsUser"], 0)
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod["containers"]:
                    self.assertEqual(
                        container["securityContext"],
                        {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    )
                    self.assertIn("memory", container["resources"]["limits"])
                    # Secrets are files.
                    for variable in container.get("env", []):
                        self.assertNotIn("valueFrom", variable)
                for volume in pod["volumes"]:
                    self.assertLess(
                        set(volume), {"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim"}
                    )

    def test_find_one_another(self):
        for rendered in self.each():
            labels = {
                item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
                for item in rendered.workloads()
            }
            for item in rendered.of("Deployment") + rendered.of("StatefulSet"):
                self.assertTrue(
                    matches(item["spec"]["selector"]["matchLabels"], labels[item["metadata"]["name"]])
                )
            for service in rendered.of("Service"):
                found = [name for name in labels if matches(service["spec"]["selector"], labels[name])]
                self.assertEqual(len(found), 1, "one workload behind each service, and never the migration")
                (workload,) = [item for item in rendered.workloads() if item["metadata"]["name"] == found[0]]
                ports = {port["name"] for port in pod_of(workload)["containers"][0]["ports"]}
                self.assertLessEqual({port["targetPort"] for port in service["spec"]["ports"]}, ports)
            self.assertEqual(
                [
                    item["spec"].get("clusterIP")
                    for item in rendered.of("Service")
                    if item["metadata"]["name"] == "perkline-hub-replicas"
                ],
                ["None"],
            )
            for item in rendered.of("StatefulSet"):
                self.assertIn(
                    item["spec"]["serviceName"],
                    [service["metadata"]["name"] for service in rendered.of("Service")],
                )
            for budget in rendered.of("PodDisruptionBudget"):
                self.assertTrue(matches(budget["spec"]["selector"]["matchLabels"], labels[HUB]))
                self.assertFalse(
                    matches(budget["spec"]["selector"]["matchLabels"], labels["perkline-hub-migrate"])
                )
                self.assertFalse(
                    matches(budget["spec"]["selector"]["matchLabels"], labels["perkline-hub-backup"])
                )
            for scaler in rendered.of("HorizontalPodAutoscaler"):
                target = scaler["spec"]["scaleTargetRef"]
                self.assertEqual((target["kind"], target["name"]), ("Deployment", HUB))
                self.assertEqual(scaler["spec"]["minReplicas"], 3)
            policy = rendered.one("NetworkPolicy")
            for name in labels:
                if name.startswith(HUB):
                    self.assertTrue(matches(policy["spec"]["podSelector"]["matchLabels"], labels[name]))
            backend = rendered.one("Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
            self.assertIn(
                backend["port"]["name"], [port["name"] for port in rendered.one("Service")["spec"]["ports"]]
            )

    def test_read_the_configuration_that_is_rendered_and_each_volume_is_there(self):
        for rendered in self.each():
            for workload in rendered.workloads():
                if not workload["metadata"]["name"].startswith(HUB):
                    continue
                pod = pod_of(workload)
                volumes = {volume["name"]: volume for volume in pod["volumes"]}
                self.assertEqual(
                    volumes["config"]["configMap"]["name"], rendered.one("ConfigMap")["metadata"]["name"]
                )
                self.assertEqual(volumes["secrets"]["secret"]["secretName"], HUB)
                claimed = {
                    claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])
                }
                mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
                self.assertLessEqual(set(mounts), set(volumes) | claimed)
                self.assertEqual((mounts["config"], mounts["secrets"]), ("/etc/perkline/hub.yaml", SECRETS))
                if workload["metadata"]["name"] == "perkline-hub-backup":
                    continue
                command = pod["containers"][0]["args"]
                self.assertEqual(command[1:], ["--config", "/etc/perkline/hub.yaml"])
                self.assertIn(command[0], ("serve", "migrate"))

    def test_an_overlay_of_ones_own_brings_its_host_its_registry_and_its_configuration_to_all(self):
        for base in ("../../base", "../postgres", "../embedded"):
            with self.subTest(base):
                k8s = self.folder / base.replace("/", "-")
                shutil.copytree(SOURCE / "k8s", k8s)
                own = k8s / "overlays/example/kustomization.yaml"
                text = own.read_text()
                self.assertIn("  - ../../base\n", text)
                own.write_text(text.replace("../../base", base))
                rendered = Rendered(own.parent)
                host = re.search(r'public_url: "https://(\S+)"', rendered.configuration())[1]
                self.assertNotIn(host, RENDERED["base"].configuration())
                ingress = rendered.one("Ingress")["spec"]
                self.assertEqual([rule["host"] for rule in ingress["rules"]], [host])
                self.assertEqual([entry["hosts"] for entry in ingress["tls"]], [[host]])
                for workload in rendered.workloads():
                    image = pod_of(workload)["containers"][0]["image"]
                    if workload["metadata"]["name"].startswith(HUB):
                        self.assertTrue(image.startswith("registry.example.net/perkline-hub:"), image)

    def test_all_but_the_hubs_go_first_as_the_readme_has_it_and_the_job_lacks_nothing(self):
        readme = (SOURCE / "k8s/README.md").read_text()
        # Both times: all but the hubs, wait for the Job, then everything.
        order = re.findall(
            r"kubectl apply -k (\S+) -l '(\S+)!=(\S+)'.*\n"
            r" +kubectl -n perkline wait --for=condition=complete --timeout=(\d+)m job/(\S+)\n"
            r" +kubectl apply -k \1(?: |\n)",
            readme,
        )
        self.assertEqual(len(order), 2, readme)
        for folder in (name for name in OVERLAYS if name != "overlays/embedded"):
            rendered = RENDERED[folder]
            for _, label, value, minutes, job in order:
                first = [
                    item for item in rendered.objects if item["metadata"].get("labels", {}).get(label) != value
                ]
                held_back = [item for item in rendered.objects if item not in first]
                self.assertEqual(held_back, [rendered.hub()])
                names = {(item["kind"], item["metadata"]["name"]) for item in first}
                migration = rendered.one("Job", job)
                self.assertGreater(60 * int(minutes), migration["spec"]["activeDeadlineSeconds"])
                pod = pod_of(migration)
                self.assertEqual(pod["containers"][0]["args"][0], "migrate")
                (config,) = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
                self.assertLessEqual(
                    {("Job", job), ("ConfigMap", config), ("ServiceAccount", pod["serviceAccountName"])}, names
                )
                if folder == "overlays/postgres":
                    self.assertIn(("StatefulSet", "perkline-postgres"), names)

    def test_a_backup_is_made_every_night_where_the_database_is_and_read_back_as_the_readme_has_it(self):
        readme = (SOURCE / "k8s/README.md").read_text()
        (replaced,) = re.findall(r"sed 's\|(.*)\|(.*)\|' \| kubectl apply", readme)
        for rendered in self.each():
            job = rendered.one("CronJob", "perkline-hub-backup")
            self.assertEqual(job["spec"]["concurrencyPolicy"], "Forbid")
            pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            claims = {
                volume["name"]: volume["persistentVolumeClaim"]["claimName"]
                for volume in pod["volumes"]
                if "persistentVolumeClaim" in volume
            }
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            (line,) = container["args"]
            script, folder, *config = line.removeprefix("exec ").split()
            self.assertIn(f"/out/hub{script} ", (SOURCE / "deploy/container/Dockerfile").read_text())
            self.assertEqual(config, ["--config", "/etc/perkline/hub.yaml"])
            self.assertEqual(claims[mounts[folder]], rendered.one("PersistentVolumeClaim", ".*")["metadata"]["name"])
            self.assertEqual(re.sub(replaced[0], replaced[1], line), replaced[1])
            if rendered is RENDERED["overlays/embedded"]:
                (data,) = rendered.hub()["spec"]["volumeClaimTemplates"]
                self.assertEqual(
                    claims[mounts["/var/lib/perkline-hub"]], f"{data['metadata']['name']}-{HUB}-0"
                )

    def test_a_network_policy_lets_the_database_through(self):
        ports = {name: 5432 for name in ("base", "overlays/postgres", "overlays/example")}
        ports["overlays/cockroachdb"] = 26257
        for folder, port in ports.items():
            rendered = RENDERED[folder]
            policy = rendered.one("NetworkPolicy", "perkline-hub-database")["spec"]
            self.assertEqual([entry["port"] for rule in policy["egress"] for entry in rule["ports"]], [port], folder)
            # What hubs, the Job and the backup are let out to, each needs.
            for workload in rendered.workloads():
                if workload["metadata"]["name"].startswith(HUB):
                    labels = workload["spec"]["template"]["metadata"]["labels"]
                    self.assertTrue(matches(policy["podSelector"]["matchLabels"], labels))
        (to,) = RENDERED["overlays/postgres"].one("NetworkPolicy", "perkline-hub-database")["spec"]["egress"][0]["to"]
        server = RENDERED["overlays/postgres"].one("StatefulSet", "perkline-postgres")
        self.assertTrue(
            matches(to["podSelector"]["matchLabels"], server["spec"]["template"]["metadata"]["labels"])
        )

    def test_a_network_policy_lets_names_mail_and_webhooks_through_everywhere(self):
        for rendered in self.each():
            egress = rendered.one("NetworkPolicy")["spec"]["egress"]
            ports = {entry["port"] for rule in egress for entry in rule["ports"] if "to" not in rule}
            # smtp:// and smtps:// without a port, submission, https://.
            self.assertEqual(ports, {53, 25, 465, 587, 443})

    def test_what_they_are_made_of_is_tidy(self):
        run("yamllint", "--strict", "--config-file", SOURCE / ".yamllint.yaml", SOURCE / "k8s", SOURCE / "deploy")


class Schemas(DeployTest):
    """TypeScript's types of every object: keys that are unknown or missing and wrong types are errors."""

    def errors(self, objects):
        (self.folder / "node_modules").symlink_to(SCHEMAS / "node_modules")
        lines = []
        for number, item in enumerate(objects):
            lines.append(
                f'import type {{ I{item["kind"]} as T{number} }} from '
                f'"kubernetes-models/{item["apiVersion"]}";\n'
                f"export const o{number}: T{number} = {json.dumps(item)};"
            )
        source = self.file("objects.ts", "\n".join(lines))
        done = run(
            "node",
            SCHEMAS / "node_modules/typescript/bin/tsc",
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--moduleResolution",
            "node16",
            "--module",
            "node16",
            source,
            check=False,
        )
        return [line for line in done.stdout.splitlines() if "error" in line]

    def setUp(self):
        super().setUp()
        if not (SCHEMAS / "node_modules/typescript").exists():
            self.skipTest("npm could not install the schemas (./run test says so)")

    def test_know_every_object(self):
        self.assertEqual(
            self.errors([item for rendered in RENDERED.values() for item in rendered.objects]), []
        )

    def test_find_what_is_wrong(self):
        wrong = json.loads(json.dumps(RENDERED["base"].hub()))
        pod_of(wrong)["containers"][0]["imagePulPolicy"] = "Always"
        missing = json.loads(json.dumps(RENDERED["base"].one("PodDisruptionBudget")))
        missing["spec"]["maxUnavailabel"] = missing["spec"].pop("maxUnavailable")
        self.assertEqual(len(self.errors([wrong, missing])), 2)


class Running(DeployTest):
    """The hub itself under the rendered configuration, asked as the probes ask."""

    def start(self, rendered, database_url):
        secrets = self.folder / "secrets"
        secrets.mkdir()
        run(BIN / HUB, "keygen", "--out", secrets / "sync-secret-key")
        (secrets / "database-url").write_text(database_url + "\n")
        data = self.folder / "data"
        data.mkdir()
        container = pod_of(rendered.hub())["containers"][0]
        self.ports = {}
        text = (
            rendered.configuration()
            .replace(SECRETS, str(secrets))
            .replace("/var/lib/perkline-hub", str(data))
        )
        for port in container["ports"]:
            self.ports[port["name"]] = free_port()
            # Where the manifest says the container listens, the configuration says so too.
            self.assertIn(f'0.0.0.0:{port["containerPort"]}"', text)
            text = text.replace(f'0.0.0.0:{port["containerPort"]}"', f'127.0.0.1:{self.ports[port["name"]]}"')
        config = self.file("hub.yaml", text)
        run(BIN / HUB, "check-config", "--config", config)
        self.log = open(self.folder / "log", "w")
        self.addCleanup(self.log.close)
        self.hub = subprocess.Popen(
            [BIN / HUB, "serve", "--config", config], stdout=self.log, stderr=self.log
        )
        self.addCleanup(self.end)
        return container

    def end(self):
        self.hub.terminate()
        self.hub.wait(timeout=30)

    def ask(self, probe):
        """The status that a probe gets; 0: nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[probe["httpGet"]["port"]], timeout=10)
        try:
            connection.request("GET", probe["httpGet"]["path"])
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def await_status(self, probe, status):
        end = time.monotonic() + 30
        while self.ask(probe) != status:
            self.assertLess(
                time.monotonic(),
                end,
                (probe["httpGet"], self.ask(probe), pathlib.Path(self.log.name).read_text()),
            )
            time.sleep(0.05)

    def test_embedded_it_is_started_alive_and_ready_by_its_probes(self):
        container = self.start(RENDERED["overlays/embedded"], "unused")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.await_status(container[probe], 200)
        self.assertTrue((self.folder / "data/hub.db").exists())
        with socket.create_connection(("127.0.0.1", self.ports["sync"]), timeout=10):
            pass

    def test_while_its_postgresql_is_away_it_is_alive_and_not_ready(self):
        container = self.start(RENDERED["base"], f"postgresql://perkline@127.0.0.1:{free_port()}/perkline")
        self.await_status(container["startupProbe"], 200)
        self.await_status(container["readinessProbe"], 503)
        self.assertEqual(self.ask(container["livenessProbe"]), 200, "a restart would not bring it back")

    def postgres(self):
        """A server of this test's own: a function that gives psql's arguments, and the URL of a database that is there."""
        programs = pathlib.Path("/usr/lib/postgresql/15/bin")
        # initdb refuses root.
        own = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        data = pathlib.Path(run(*own, "mktemp", "-d").stdout.strip())
        self.addCleanup(run, *own, "rm", "-r", data)
        port = free_port()
        run(*own, programs / "initdb", "--auth=trust", "--username=perkline", "--no-sync", data / "db")
        (data / "db/postgresql.auto.conf").write_text(
            f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{data}'\nfsync = off\n"
        )
        control = [*own, programs / "pg_ctl", "--pgdata", data / "db", "--silent", "-w", "-l", data / "log"]
        run(*control, "start")
        self.addCleanup(run, *control, "--mode=immediate", "stop")
        return f"postgresql://perkline@127.0.0.1:{port}/postgres"

    def test_while_another_hub_migrates_it_is_alive_and_not_ready(self):
        url = self.postgres()
        # What migrate.cpp locks: "perkline" in ASCII.
        number = int.from_bytes(b"perkline", "big")
        other = subprocess.Popen(
            ["psql", "--no-psqlrc", "--quiet", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(other.communicate)
        self.addCleanup(other.terminate)
        other.stdin.write(f"SELECT pg_advisory_lock({number});\n")
        other.stdin.flush()
        other.stdout.readline()
        container = self.start(RENDERED["base"], url)
        self.await_status(container["startupProbe"], 200)
        self.assertEqual(self.ask(container["livenessProbe"]), 200)
        self.await_status(container["readinessProbe"], 503)
        other.terminate()
        self.await_status(container["readinessProbe"], 200)

    def test_a_hub_that_hangs_fails_its_liveness(self):
        container = self.start(RENDERED["overlays/embedded"], "unused")
        self.await_status(container["livenessProbe"], 200)
        self.hub.send_signal(19)
        self.addCleanup(self.hub.send_signal, 18)
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["api"], timeout=1)
        self.addCleanup(connection.close)
        with self.assertRaises(OSError):
            connection.request("GET", container["livenessProbe"]["httpGet"]["path"])
            connection.getresponse()

    def test_its_secrets_are_those_the_readme_has_people_make(self):
        readme = (SOURCE / "k8s/README.md").read_text()
        for folder, rendered in RENDERED.items():
            for name in re.findall(SECRETS + r"/([a-z-]+)", rendered.configuration()):
                self.assertIn(f"--from-file={name}", readme, folder)
            for entry in rendered.one("Ingress")["spec"]["tls"]:
                self.assertIn(f"create secret tls {entry['secretName']} ", readme)
        self.assertIn("perkline-postgres", readme)
        self.assertIn("--from-file=postgres-password", readme)

    def test_the_url_that_the_readme_gives_for_its_own_postgresql_asks_for_no_tls_it_lacks(self):
        server = pod_of(RENDERED["overlays/postgres"].one("StatefulSet", "perkline-postgres"))
        self.assertNotIn("ssl=on", server["containers"][0]["args"])
        (query,) = re.findall(r"@perkline-postgres:5432/perkline(\S*)'", (SOURCE / "k8s/README.md").read_text())
        self.assertEqual(query, "")


if __name__ == "__main__":
    if shutil.which("node") is None:
        print("without node: the schemas are left out")
    unittest.main()

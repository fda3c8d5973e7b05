"""What deploy/ promises and can be seen without starting it: compose files, the image's recipe, the hardening of the services

test_cluster.py brings it up for real.
"""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

import containers
import harness

DEPLOY = harness.ROOT / "deploy"
COMPOSE = ("compose.yaml", "compose.cluster.yaml")
UNITS = ("alua-broker.service", "alua-node@.service")
MOST_EXPOSED = 2.0
#  What docker-compose 1.29 does not know, at any level of a service or file
TOO_NEW = {"version", "include", "name", "start_interval", "develop", "attach", "annotations", "pull_policy", "models"}


def merged(base, over):
    """As `extends` does it: mappings by key, all else replaced."""
    both = dict(base)
    for key, value in over.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


def load(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def services(name):
    """The services of a compose file, with what they extend."""
    found = {}
    for service, text in load(name)["services"].items():
        base = text.pop("extends", None)
        found[service] = merged(load(base["file"])["services"][base["service"]], text) if base else text
    return found


class TestCompose(unittest.TestCase):
    def each(self):
        for name in COMPOSE:
            for service, text in services(name).items():
                with self.subTest(f"{name}: {service}"):
                    yield service, text

    def test_every_container_is_walled_in(self):
        for service, text in self.each():
            self.assertIs(text["read_only"], True)
            self.assertEqual(text["cap_drop"], ["ALL"])
            self.assertNotIn("cap_add", text)
            self.assertIn("no-new-privileges:true", text["security_opt"])
            self.assertTrue(any(mount.startswith("/tmp:") for mount in text["tmpfs"]))
            self.assertIn("noexec", text["tmpfs"][0])
            self.assertGreater(text["pids_limit"], 0)
            self.assertIn("mem_limit", text)
            self.assertIn("cpus", text)
            self.assertRegex(text["user"], r":-10000\}:")
            self.assertFalse({"privileged", "network_mode", "pid", "ipc", "devices", "ports"} & set(text))
            self.assertTrue(all(volume.endswith(":ro") for volume in text.get("volumes", [])))

    def test_services_start_again_and_end_in_order(self):
        for service, text in self.each():
            if service != "desk":
                self.assertEqual(text["restart"], "unless-stopped")
                self.assertEqual(text["healthcheck"]["test"][:3], ["CMD", "alua", "ping"])
                self.assertIn("stop_grace_period", text)
            if service in containers.NODES:
                self.assertEqual(text["depends_on"], {"broker": {"condition": "service_healthy"}})

    def test_private_halves_come_as_secrets_of_their_own(self):
        for name in COMPOSE:
            known = load(name)["secrets"]
            for service, text in services(name).items():
                self.assertLessEqual(set(text["secrets"]), set(known))
                self.assertEqual([secret for secret in text["secrets"] if secret.endswith(".key")], [service + ".key"])
                self.assertNotIn("SECRET", str(text.get("environment")))
            self.assertTrue(all(list(secret) == ["file"] for secret in known.values()))

    def test_the_cluster_has_separate_networks(self):
        networks = {service: set(text["networks"]) for service, text in services("compose.cluster.yaml").items()}
        self.assertFalse(networks["ana"] & networks["bob"])
        for service in containers.NODES:
            self.assertTrue(networks[service] & networks["broker"])
        self.assertTrue(networks["cleo"] >= networks["ana"] | networks["bob"])

    def test_nothing_is_too_new_for_1_29(self):
        def keys(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield key
                    yield from keys(inner)
        for name in (*COMPOSE, "common.yaml"):
            self.assertFalse(TOO_NEW & set(keys(load(name))), name)

    @unittest.skipUnless(containers.compose_commands(), "neither Compose v2 nor docker-compose here")
    def test_compose_takes_them(self):
        for command in containers.compose_commands():
            for name in COMPOSE:
                with self.subTest(f"{command} {name}"):
                    self.assertIn("cap_drop", containers.run(*command, "-f", DEPLOY / name, "config"))


class TestImage(unittest.TestCase):
    def lines(self):
        """Instructions of the last stage."""
        text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
        return [line for line in text.split("\nFROM ")[-1].splitlines() if line and not line.startswith("#")]

    def test_the_last_stage_is_from_nothing_and_runs_as_nobody(self):
        lines = self.lines()
        self.assertEqual(lines[0], "scratch")
        self.assertIn("USER 10000:10000", lines)
        self.assertIn('ENTRYPOINT ["alua"]', lines)
        self.assertTrue(any(re.match(r'HEALTHCHECK .* CMD \["alua", "ping"\]$', line) for line in lines))
        self.assertFalse([line for line in lines if line.startswith("RUN")], "there is no shell to run anything")

    def test_all_that_is_built_is_in_the_context(self):
        taken = {line[1:] for line in (harness.ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        rooms = re.search(r"foreach\(room ([\w ]+)\)", (harness.ROOT / "CMakeLists.txt").read_text())[1].split()
        self.assertLessEqual(set(rooms) - {"bench", "tests"}, taken)
        self.assertLessEqual({"cmake", "lua", "examples", "CMakeLists.txt", "CMakePresets.json"}, taken)

    def test_the_hash_is_of_the_sources(self):
        first = containers.run(DEPLOY / "image", "--hash")
        self.assertRegex(first, r"^[0-9a-f]{16}\n$")
        self.assertEqual(containers.run(DEPLOY / "image", "--hash"), first)
        extra = harness.ROOT / "lua" / "hash_test.lua"
        self.addCleanup(lambda: extra.unlink(missing_ok=True))
        extra.write_text("return 1\n")
        self.assertNotEqual(containers.run(DEPLOY / "image", "--hash"), first)

    def test_no_registry_and_no_mirror_is_named(self):
        for path in DEPLOY.glob("*"):
            if path.is_file():
                self.assertNotRegex(path.read_text(), r"https?://(?!www\.freedesktop\.org)", path.name)


class TestUnits(unittest.TestCase):
    def settings(self, name):
        found = {}
        for line in (DEPLOY / name).read_text().replace("\\\n", " ").splitlines():
            if re.match(r"\w+=", line):
                key, value = line.split("=", 1)
                found.setdefault(key, []).append(value)
        return found

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_how_exposed_they_are(self):
        for name in UNITS:
            with self.subTest(name):
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", DEPLOY / name],
                                      text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
                if not found and "offline" in done.stdout:
                    self.skipTest("this systemd-analyze cannot look at files")
                self.assertTrue(found, done.stdout)
                print(found[1], end=" ", flush=True)
                self.assertLessEqual(float(found[1]), MOST_EXPOSED, done.stdout)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_systemd_knows_every_line(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in UNITS:
                text = (DEPLOY / name).read_text().replace("/usr/bin/alua ", f"{harness.ALUA} ")
                (pathlib.Path(folder) / name).write_text(text)
                done = subprocess.run(["systemd-analyze", "verify", f"./{name}"], cwd=folder, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual([line for line in done.stdout.splitlines() if "alua-" in line], [], name)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_nobody_else_sees_the_keys(self):
        for name in UNITS:
            given = self.settings(name)
            self.assertEqual(given["DynamicUser"], ["yes"])
            self.assertTrue(any(".key:/etc/alua/" in value for value in given["LoadCredential"]))
            self.assertEqual(given["LimitNOFILE"], ["65536"])
            self.assertNotIn("WatchdogSec", given)

    def test_jail_and_libzmq_can_do_what_they_need(self):
        """alua-jail lowers limits and gives up capabilities, libzmq sets priorities: what the filter must not take away."""
        for name in UNITS:
            filters = self.settings(name)["SystemCallFilter"]
            self.assertEqual(filters[0], "@system-service")
            self.assertNotIn("@resources", " ".join(filters))
            self.assertEqual(filters[-1], "capset")
            self.assertEqual(self.settings(name)["SystemCallErrorNumber"], ["EPERM"])

    def test_they_call_what_there_is(self):
        """Every option that a unit gives is on the manual page of its verb."""
        for name in UNITS:
            words = self.settings(name)["ExecStart"][0].split()
            verb = words[1]
            page = containers.run(harness.ALUA, "help", verb)
            for option in (word for word in words if word.startswith("--")):
                self.assertIn(option, page, f"{name}: alua {verb}")
        for service, text in services("compose.yaml").items():
            verb, *words = text["command"]
            page = containers.run(harness.ALUA, "help", verb)
            for option in (word for word in words if word.startswith("--")):
                self.assertIn(option, page, f"compose.yaml: {service}")

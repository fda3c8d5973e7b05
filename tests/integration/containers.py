"""containers - bring up what deploy/ has, in a project of its own; see what it says, cut and pause and kill it

    class TestIt(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.cluster = containers.Cluster(cls, "--cluster")
        def test_it(self):
            bob = self.cluster["bob"]
            with bob.cut("right"):
                self.cluster["ana"].expect(r"watch\tsilent\t1@bob")

Whatever becomes of the tests, containers, networks and keys are removed; if the tests are killed, by the next ones.
`missing()` tells why there can be no containers here.
"""
import functools
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import harness

DEPLOY = harness.ROOT / "deploy"
NODES = ("ana", "bob", "cleo")
PROJECT = "com.docker.compose.project"
numbers = itertools.count(1)


def run(*args, env=None, check=True, timeout=120, **who):
    """A command's standard output; by `user` and the like, as subprocess has them."""
    done = subprocess.run([str(arg) for arg in args], env=env, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **who)
    if check and done.returncode:
        raise AssertionError(f"{args} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def docker(*args, **keywords):
    return run("docker", *args, **keywords)


@functools.cache
def compose_commands():
    """All that are here, the one that deploy/up takes first: what ALUA_COMPOSE says, Compose v2, docker-compose."""
    found = []
    for command in (os.environ.get("ALUA_COMPOSE", "").split(), ["docker", "compose"], ["docker-compose"]):
        if command and command not in found and shutil.which(command[0]) and subprocess.run(
                [*command, "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            found.append(command)
    return found


@functools.cache
def missing():
    """Why there can be no containers here, or None."""
    if not shutil.which("docker"):
        return "no docker here"
    try:
        run("docker", "info", timeout=10)
    except (AssertionError, subprocess.TimeoutExpired):
        return "no Docker engine answers here"
    return None if compose_commands() else "neither Compose v2 nor docker-compose here"


def remove(label):
    """Containers and networks with this label."""
    for what, end in (("ps", ("rm", "-f", "-v")), ("network", ("network", "rm"))):
        listing = ("ps", "-aq") if what == "ps" else ("network", "ls", "-q")
        found = docker(*listing, "--filter", f"label={label}").split()
        if found:
            docker(*end, *found, check=False)


def sweep():
    """What tests left that were killed: the number of their process is in the project's name."""
    for line in docker("ps", "-a", "--format", '{{.Label "%s"}}' % PROJECT).splitlines():
        match = re.fullmatch(r"aluatest(\d+)x\d+", line)
        if match and not pathlib.Path(f"/proc/{match[1]}").exists():
            remove(f"{PROJECT}={line}")


class Container:
    """One of a cluster; lines that it prints are gathered from now on."""

    def __init__(self, cluster, service, ident):
        self.cluster, self.service, self.ident = cluster, service, ident
        self.log = harness.Process(["docker", "logs", "--follow", "--tail", "0", ident], dict(os.environ))

    def inspect(self, template):
        return docker("inspect", "--format", template, self.ident).strip()

    def json(self, part):
        return json.loads(self.inspect("{{json .%s}}" % part))

    def networks(self):
        return set(self.json("NetworkSettings.Networks"))

    def alua(self, *args, check=True):
        """`alua ARGS...` inside it."""
        return docker("exec", self.ident, "alua", *args, check=check)

    def expect(self, pattern, timeout=harness.PATIENCE):
        return self.log.expect(pattern, timeout)

    def said(self, pattern):
        return [line.rstrip("\n") for line in self.log.out + self.log.err if re.search(pattern, line)]

    def forget(self):
        """Only what it prints from now on counts."""
        self.log.out.clear()
        self.log.err.clear()

    def kill(self):
        """kill -9 of its process, as the kernel does it: the engine, told by nobody, starts it again."""
        os.kill(int(self.inspect("{{.State.Pid}}")), signal.SIGKILL)

    def processes(self):
        """Numbers, as this host has them, and commands of all that run in it."""
        lines = docker("top", self.ident, "-eo", "pid,args").splitlines()[1:]
        return {int(line.split(None, 1)[0]): line.split(None, 1)[1] for line in lines}

    def address(self, network):
        return self.inspect("{{(index .NetworkSettings.Networks \"%s\").IPAddress}}" % self.cluster.network(network))

    def disconnect(self, network):
        docker("network", "disconnect", self.cluster.network(network), self.ident)

    def connect(self, network):
        docker("network", "connect", "--alias", self.service, self.cluster.network(network), self.ident)

    def pause(self):
        docker("pause", self.ident)

    def unpause(self):
        docker("unpause", self.ident)

    def close(self):
        self.log.kill(signal.SIGKILL)
        self.log.wait()


def engine_group():
    """The group of those who may use the engine, or None where that is not how it is reached."""
    socket = pathlib.Path("/var/run/docker.sock")
    return socket.stat().st_gid if socket.is_socket() and "DOCKER_HOST" not in os.environ else None


def checkout(target, user):
    """What an image is made of and deploy/ itself, without keys, as the user's own that nobody else can read."""
    names = [line[1:] for line in (harness.ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    listing = run("find", ".dockerignore", "deploy", *names, "-type", "f", "!", "-path", "deploy/secrets/*", "!", "-name", ".env",
                  "-print0", cwd=harness.ROOT)
    for name in set(listing.split("\0")) - {""}:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(harness.ROOT / name, target / name)
    run("chown", "-R", f"{user}:{user}", target)
    run("chmod", "-R", "go=", target)


class Cluster:
    """`deploy/up OPTIONS`, with keys and a name of its own, for the tests of a class

    With `user` it is a checkout of that user's own, with the keys in it, under umask 077.
    """

    def __init__(self, case, *options, policy=None, compose=None, user=None):
        self.options = options
        self.project = f"aluatest{os.getpid()}x{next(numbers)}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="alua-keys-"))
        self.containers = {}
        self.words = compose or compose_commands()[0]
        self.env = {**os.environ, "COMPOSE_PROJECT_NAME": self.project, "ALUA_COMPOSE": " ".join(self.words)}
        case.addClassCleanup(self.remove)
        sweep()
        self.deploy, self.secrets, self.who = DEPLOY, self.directory / "secrets", {}
        if user is None:
            self.env["ALUA_SECRETS"] = str(self.secrets)
        else:
            self.move_to(user)
        self.file = self.deploy / ("compose.cluster.yaml" if "--cluster" in options else "compose.yaml")
        if policy:
            folder = self.directory / "policy"
            folder.mkdir()
            (folder / "policy.lua").write_text(policy)
            self.directory.chmod(0o755)
            self.env["ALUA_POLICY"] = str(folder)
        begun = time.monotonic()
        self.output = self.up(*options)
        self.seconds = time.monotonic() - begun
        for service in ("broker", *NODES):
            self.adopt(service)

    def move_to(self, user):
        run(DEPLOY / "image", timeout=280)                  # Not the user's to make: the base may take root
        self.directory.chmod(0o755)
        checkout(self.directory / "alua", user)
        self.deploy = self.directory / "alua/deploy"
        self.secrets = self.deploy / "secrets"
        self.who = {"user": user, "group": user, "extra_groups": [engine_group()] if user else [], "umask": 0o077}

    def up(self, *options, **who):
        return run(self.deploy / "up", *options, env=self.env, timeout=280, **{**self.who, **who})

    def adopt(self, service, ident=None):
        """The running container of a service, or this one."""
        ident = ident or self.idents(service)[-1]
        if service in self.containers:
            self.containers[service].close()
        self.containers[service] = Container(self, service, ident)
        return self.containers[service]

    def idents(self, service):
        return self.compose("ps", "-q", service).split()

    def __getitem__(self, service):
        return self.containers[service]

    def network(self, name):
        return f"{self.project}_{name}"

    def compose(self, *args):
        return run(*self.words, "-f", self.file, *args, env=self.own_env())

    def own_env(self):
        who = self.secrets.stat()
        return {**self.env, "ALUA_UID": str(who.st_uid), "ALUA_GID": str(who.st_gid),
                "ALUA_IMAGE": os.environ.get("ALUA_IMAGE", "alua:local")}

    def start_desk(self):
        """Whoever gives the orders: a node `desk` that stays, in which `alua` is called."""
        ident = self.compose("run", "-d", "desk", "node", "--name", "desk").split()[-1]
        desk = self.adopt("desk", ident)
        harness.eventually(lambda: docker("logs", ident).count("is ready"), "the desk is ready")
        return desk

    def nodes(self):
        """id: what `alua nodes` says of it, as seen at the broker."""
        listed = json.loads(self["broker"].alua("nodes", "--json"))
        return {node["node"]: node for node in listed}

    def left(self):
        """What is there of this project: containers and networks."""
        label = f"label={PROJECT}={self.project}"
        return (docker("ps", "-aq", "--filter", label).split(), docker("network", "ls", "-q", "--filter", label).split())

    def down(self):
        self.up(*self.options, "--down")

    def remove(self):
        for container in self.containers.values():
            container.close()
        remove(f"{PROJECT}={self.project}")
        shutil.rmtree(self.directory, ignore_errors=True)

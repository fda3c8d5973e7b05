"""deploy/up as whoever starts it, and by whichever Compose is here

test_cluster.py has what its containers promise afterwards.
"""
import os
import stat
import unittest

import containers
import harness

USER, OTHER = 4711, 4712        # Neither is in /etc/passwd, here or in the image


@unittest.skipIf(containers.missing(), containers.missing())
class Case(unittest.TestCase):
    def assert_all_are_there(self, cluster):
        self.assertEqual(sorted(node for node in cluster.nodes() if node in containers.NODES), sorted(containers.NODES))

    def assert_down_leaves_nothing(self, cluster):
        cluster.down()
        self.assertEqual(cluster.left(), ([], []))


@unittest.skipIf(os.getuid(), "only root can be somebody else")
@unittest.skipIf(containers.engine_group() is None, "the engine is not reached by a socket that has a group")
class TestWhose(Case):
    """Keys that the containers can read, and nobody else"""

    def assert_keys_belong_to(self, cluster, user):
        self.assertEqual(stat.S_IMODE(cluster.secrets.stat().st_mode), 0o700)
        for name in ("broker", "desk", *containers.NODES):
            key = (cluster.secrets / f"{name}.key").stat()
            self.assertEqual((key.st_uid, stat.S_IMODE(key.st_mode)), (user, 0o600), name)
        for name in ("broker", *containers.NODES):
            self.assertEqual(cluster[name].json("Config")["User"].split(":")[0], str(user))

    def test_an_ordinary_user(self):
        cluster = containers.Cluster(type(self), user=USER)
        self.assertRegex(cluster.output, r"bag: 100 tasks, sum 338350, done by 3 of 3 processes\n")
        self.assert_keys_belong_to(cluster, USER)
        with self.subTest("Compose without deploy/up"):
            command = (*cluster.words, "run", "--rm", "desk", "nodes")
            self.assertIn("1@cleo", containers.run(*command, cwd=cluster.deploy, env=cluster.env, **cluster.who))
        with self.subTest("somebody else in the container"):
            ask = ("alua", "ping", "--broker", "tcp://broker:4321", "--key", "/run/secrets/ana.key", "--broker-key", "/run/secrets/broker.pub")
            containers.docker("exec", cluster["ana"].ident, *ask)
            with self.assertRaisesRegex(AssertionError, "ana.key: Permission denied"):
                containers.docker("exec", "-u", str(OTHER), cluster["ana"].ident, *ask)
        with self.subTest("root, afterwards"):
            cluster.up("--no-example", user=0, group=0)
            self.assert_keys_belong_to(cluster, USER)
            self.assert_all_are_there(cluster)
        self.assert_down_leaves_nothing(cluster)

    def test_root_whose_files_others_cannot_read(self):
        cluster = containers.Cluster(type(self), "--no-example", user=0)
        self.assert_keys_belong_to(cluster, 10000)
        self.assert_all_are_there(cluster)
        with self.subTest("an ordinary user, afterwards"):
            for path in (cluster.deploy.parent, cluster.deploy):
                path.chmod(0o755)
            containers.run("chmod", "a+rx", cluster.deploy / "up")
            with self.assertRaisesRegex(AssertionError, "secrets belongs to user 10000"):
                cluster.up(user=USER, group=USER, extra_groups=[containers.engine_group()])
        self.assert_down_leaves_nothing(cluster)


class TestCompose(Case):
    """The one that is taken where there are several is test_cluster's"""

    def test_a_policy_that_cannot_be_read_is_told(self):
        with self.assertRaisesRegex(AssertionError, "policy.lua:1:1"):
            containers.Cluster(type(self), "--no-example", policy="garbage (")

    def test_a_policy_that_is_no_folder_is_told(self):
        env = {**os.environ, "ALUA_POLICY": "deploy/policy/policy.lua"}         # As `alua broker` would have it
        with self.assertRaisesRegex(AssertionError, "no folder .*/deploy/policy/policy.lua with a policy.lua"):
            containers.run(containers.DEPLOY / "up", env=env)

    @unittest.skipIf(len(containers.compose_commands()) < 2, "only one Compose here")
    def test_every_other_compose(self):
        for command in containers.compose_commands()[1:]:
            for options in ((), ("--cluster",)):
                with self.subTest(f"{command} {options}"):
                    cluster = containers.Cluster(type(self), *options, compose=command)
                    self.assertRegex(cluster.output, r"bag: 100 tasks, sum 338350, done by 3 of 3 processes\n")
                    cluster.start_desk()
                    self.assert_all_are_there(cluster)
                    self.assert_down_leaves_nothing(cluster)

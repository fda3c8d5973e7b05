"""keyed - a broker with keys and nodes as if on different machines, each with a key of its own

    class TestX(keyed.Case):
        def test_x(self):
            self.start_keyed("return { keys = { ana = { call = true }, bob = { code = 'jail' } } }")
            self.keyed_node("ana", "luarpc.export('f', ...)")
            self.keyed_node("bob", "print(luarpc.sync('ana', 'f')())").expect("...")

Each node has a runtime directory of its own, so none uses another's ipc sockets, and all links are CURVE over loopback.
"""
import harness


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.keys = {}

    def key(self, name, trusted=True):
        """The path of NAME.key, made (and trusted) when first asked for."""
        if name not in self.keys:
            made = self.run_alua("keys", "new", "--dir", str(self.dir), name)
            self.assertEqual(made.status, 0, made)
            self.keys[name] = self.dir / f"{name}.key"
            if trusted:
                self.trust(name)
        return str(self.keys[name])

    def trust(self, name):
        result = self.run_alua("keys", "trust", str(self.dir / f"{name}.pub"))
        self.assertEqual(result.status, 0, result)

    def revoke(self, name):
        result = self.run_alua("keys", "revoke", name)
        self.assertEqual(result.status, 0, result)

    def policy(self, text):
        path = self.dir / "policy.lua"
        path.write_text(text)
        return str(path)

    def start_keyed(self, policy, names=("ana", "bob"), listen="tcp://127.0.0.1:*"):
        for name in ("broker", *names):
            self.key(name, name != "broker")
        self.broker = self.start("broker", "--listen", listen, "--key", self.key("broker"), "--policy", self.policy(policy))
        self.endpoint = self.broker.expect(r"listening on (\S+)")[1]
        return self.broker

    def keyed_env(self, name, key=None, listen="tcp://127.0.0.1:*", **more):
        """Of a process that stands for another machine; more: CODE="jail" becomes ALUA_CODE."""
        runtime = self.dir / f"run-{name}"
        runtime.mkdir(mode=0o700, exist_ok=True)
        env = {"XDG_RUNTIME_DIR": str(runtime), "ALUA_KEY": self.key(key or name),
               "ALUA_BROKER_KEY": str(self.dir / "broker.pub"), "ALUA_BROKER": self.endpoint}
        if listen:
            env["ALUA_LISTEN"] = listen
        env.update({f"ALUA_{word}": value for word, value in more.items()})
        return env

    def keyed_node(self, name, text=None, key=None, ready=True, **more):
        args = ["node", "--name", name]
        if text is not None:
            args.append(self.program(HEAD + text, f"{name}.lua"))
        node = self.start(*args, env=self.keyed_env(name, key, **more))
        if ready:
            node.expect("is ready")
        return node


#  What the programs share; on the first line, so that theirs keep their numbers.
HEAD = """local function show(...) local w = table.pack(...) for i = 1, w.n do local v = w[i] """ \
    """if luarpc.iserror(v) then v = v.code .. (v.definite and "!" or "?") .. "/" .. v.message end """ \
    """w[i] = tostring(v) end print(table.concat(w, " ")) io.stdout:flush() end """

"""Bad input, at broker and node: each is refused and counted, nothing changes, nobody else notices

What stands in brackets is the number of the case in the list of hostile-wire tests.
"""
import socket
import struct
import unittest

import zmq

import harness
import wire_client
import wire_hostile
from wire_client import Failed, LIMITS, RESUME, Silence, TYPES, WAYS, message
from wire_hostile import GREETING, READY, command, frame, golden, metadata, pack, resident

def nested(depth):
    return b"\x91" * depth + b"\xc0"


class Case(wire_hostile.Case):
    def ended(self, link):
        """The link was ended by the other side: the word that REFUSED says."""
        while True:
            heard = link.hear()
            if heard[1] == TYPES["REFUSED"]:
                return heard[5]

    def lives(self, link):
        """The link still works."""
        self.assertEqual(link.call("1@ana", "echo", 1), [1])

    def struck(self, link):
        """Whether the last thing said over an uncounted link was a strike: two more end it, else three."""
        for _ in range(2):
            link.say_bytes(b"\xc1")
        try:
            self.lives(link)
            return False
        except Silence:
            return True


class TestStrangers(Case):
    """Those who have not said HELLO, or cannot."""

    def said_nothing(self, heard):
        """At most a WHO or a REFUSED, beside the answer to the HELLO at the end."""
        self.assertLessEqual({one[1] for one in heard}, {TYPES["WHO"], TYPES["REFUSED"]})
        self.assertLessEqual(len(heard), 2)

    def test_garbage(self):                                                     # W44, W47, W57
        frames = [self.random.randbytes(size) for size in range(300)]
        frames += [b"", b"\0", b"\xc1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01", b"{}", b"\x94\x01\x01"]
        for victim in self.victims:
            self.said_nothing(self.strange(victim, frames))
            for one in frames:
                self.strange(victim, [one], settle=False) if len(one) % 50 == 0 else None
            victim.check()

    def test_every_message_before_hello(self):                                  # W59, W62
        messages = golden()
        counted = messages["LINK"]
        before = self.client.ask("NODES"), self.client.ask("APPS")
        for victim in self.victims:
            for name, one in messages.items():
                if name == "HELLO":
                    continue
                heard = self.strange(victim, [one])
                want = {"RESUME": ["state"]}.get(name, [None])
                codes = [answer[5] if answer[1] == TYPES["REFUSED"] else None for answer in heard[:-1]]
                if name not in ("WELCOME", "REFUSED", "RESUMED", "WHO"):        # Answers are for diallers: nothing
                    self.assertEqual(codes, want, name)
                self.said_nothing(self.strange(victim, [counted[:-9] + b"\1" + bytes(8) + one, counted + one]))
            victim.check()
        self.assertEqual((self.client.ask("NODES"), self.client.ask("APPS")), before)
        self.assertEqual(self.client.call("1@ana", "count"), [0])

    def test_who_is_said_once_per_connection(self):
        for victim in self.victims:
            heard = self.strange(victim, [message("APPS", 1)] * 100)
            self.assertEqual([one[1] for one in heard], [TYPES["WHO"], TYPES["REFUSED"]])

    def test_truncated_at_each_byte(self):                                      # W48
        for victim in self.victims:
            for one in golden().values():
                self.said_nothing(self.strange(victim, [one[:size] for size in range(len(one))]))
            victim.check()

    def test_one_byte_wrong(self):
        for victim in self.victims:
            hello = golden()["HELLO"]
            for place in range(len(hello)):
                frames = [hello[:place] + bytes([self.random.randrange(256)]) + hello[place + 1:] for _ in range(4)]
                self.assertTrue(all(one[1] in (TYPES["REFUSED"], TYPES["WHO"]) for one in self.strange(victim, frames)))
            victim.check()

    def hello(self, **fields):
        all_fields = {"low": 1, "high": 1, "features": 0, "nonce": 5, "role": "client", "name": "eve", "incarnation": 9,
                      "proof": self.token, "session": 0, "body": {"visitor": True, "id": "1@eve"}}
        all_fields.update(fields)
        return message("HELLO", 0, 0, *all_fields.values())

    def test_wrong_tokens(self):
        token = self.token
        wrong = ["", token[:-1], token + "0", token + token, token + "\0", token.upper() + " ", " " + token, token[::-1],
                 "0" * 32, token[:-1] + ("0" if token[-1] != "0" else "1"), token.encode()[:31], "x" * 255]
        for victim in self.victims:
            heard = self.strange(victim, [self.hello(proof=proof) for proof in wrong])
            self.assertEqual([one[5] for one in heard[:-1]], ["denied"] * len(wrong))
            heard = self.strange(victim, [self.hello(proof=proof) for proof in ("x" * 256, None, 1, [token], {token: token})])
            self.assertEqual([one[5] for one in heard[:-1]], ["malformed"] * 5)
            victim.check()
        self.assertEqual(self.stat()["sessions"], 2)

    def test_wrong_versions(self):
        for victim in self.victims:
            frames = [self.hello(low=low, high=high) for low, high in ((0, 0), (2, 2), (2, 9), (9, 2), (255, 255))]
            heard = self.strange(victim, frames)
            self.assertEqual([one[5] for one in heard[:-1]], ["version"] * 5)
            heard = self.strange(victim, [pack([version, 2]) for version in (0, 2, 255, -1, 2**64 - 1, None, 1.0, "1")])
            self.assertIn(heard[0][5], ("malformed", "version"))
            victim.check()

    def test_fields_of_hello_that_are_none(self):                               # W52
        bad = [None, -1, 1.5, "x" * 300, b"\xff" * 300, [], {}, True, 2**64 - 1, [[[]]], {"a": 1}]
        for victim in self.victims:
            for field in ("low", "high", "features", "nonce", "role", "name", "incarnation", "proof", "session", "body"):
                for value in bad:
                    good = (field in ("nonce", "incarnation", "session") and value == 2**64 - 1
                            or field == "body" and isinstance(value, dict))
                    if good:
                        continue
                    heard = self.strange(victim, [self.hello(**{field: value})])
                    self.assertEqual(heard[0][1], TYPES["REFUSED"], (field, value))
            for size in range(4, 14):
                self.said_nothing(self.strange(victim, [pack([1, 2, 0, 0, 1, 1, 0, 5, "client", "eve", 9, self.token, 0][:size])]))
            victim.check()

    def test_bodies_of_hello_that_are_none(self):
        many = ["n%d" % i for i in range(20000)]
        bad = [{"id": 1}, {"id": "x" * 256}, {"id": "1@ana"}, {"endpoints": "x"}, {"endpoints": many}, {"endpoints": ["x" * 300]},
               {"endpoints": [1]}, {"host": {}}, {"host": "h" * 300}, {"apps": many}, {"apps": ["a\nb"]}, {"apps": [[]]},
               {"apps": [""]}, {"names": many}, {"names": ["\0"]}, {"names": [{}]}, {"visitor": 1}, {"spawn": "yes"},
               {"lease": -1}, {"lease": "x"}, {1: 2}, {None: None}]
        victim = self.victims[0]
        for body in bad:
            heard = self.strange(victim, [self.hello(body=body)])
            self.assertEqual(heard[0][1], TYPES["REFUSED"], body)
            self.assertIn(heard[0][5], ("malformed", "usage", "full"), body)
            victim.check()
        for name in ("a\0b", "a\nb", "\x7f", self.client.welcome["body"]["address"], "x" * 254):
            heard = self.strange(victim, [self.hello(name=name, body={})])
            self.assertEqual(heard[0][1], TYPES["REFUSED"], name)
        for body in ({}, {"id": ""}, {"id": 1}, {"id": []}):
            heard = self.strange(self.victims[1], [self.hello(body=body)])
            self.assertEqual(heard[0][5], "usage", body)
        self.check_all()
        self.assertEqual(self.stat()["sessions"], 2)

    def test_names_of_others(self):                                             # W30, W81
        victim = self.victims[0]
        for name, body in (("ana", {}), ("1@ana", {"spawn": True}), ("1@ana", {}), (self.client.id, {}),
                           ("eve", {"id": "1@ana"})):
            heard = self.strange(victim, [self.hello(name=name, body=body)])
            self.assertIn(heard[0][5], ("exists", "usage"), (name, body))
        self.check_all()

    def test_sessions_of_others(self):                                          # W35
        for victim in self.victims:
            link = self.open(victim, RESUME)
            session = link.welcome["session"]
            for number in (0, 1, session + 1, session - 1, 2**63, 2**64 - 1):
                heard = self.strange(victim, [message("RESUME", 0, 0, 5, number, 0)])
                self.assertEqual(heard[0][4:6], [5, "state"])
            for fields in ((), (5,), (5, session), (5, session, -1), (5, session, "0"), (None, session, 0)):
                self.said_nothing(self.strange(victim, [message("RESUME", 0, 0, *fields)]))
            self.lives(link)
            victim.check()

    def test_deep_large_and_many(self):                                         # W36-W42
        head = b"\x96\x01\x32\x01\x00"
        bombs = [head + bomb for bomb in (
            b"\xdd\xff\xff\xff\xff", b"\xdd\x10\x00\x00\x00", b"\xdf\x7f\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
            (b"\xdd\x01\x00\x00\x00") * 31, b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff\0", b"\xc9\xff\xff\xff\xff\1",
            nested(62), nested(63), nested(64), nested(65), nested(10000), nested(1000000), b"\x81" * 100000,
            b"\xdc\xff\xff" + b"\xc0" * 65535, b"\xdd\x00\x04\x00\x00" + b"\xc0" * 262144, b"\xdd\x00\x10\x00\x00" + b"\xc0" * 2**20)]
        bombs += [b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff\x01\x02", b"\x9f\x01\x02", b"\xdd\x00\x00\x00\x04\x01\x02\x00\x00"]
        for victim in self.victims:
            before = resident(victim.process.pid)
            for bomb in bombs:
                self.said_nothing(self.strange(victim, [bomb]))
                self.said_nothing(self.strange(victim, [bytes([bomb[0]]) + b"\x01\x02" + bomb[3:]]))
            victim.check()
            self.assertLess(resident(victim.process.pid) - before, 20000)

    def test_sizes(self):                                                       # W16
        for victim in self.victims:
            for size in (LIMITS["MAX_MESSAGE"], LIMITS["MAX_MESSAGE"] + 1, LIMITS["MAX_FRAME"]):
                self.said_nothing(self.strange(victim, [b"\x95\x01\x32\x01\x00\xc6" + struct.pack(">I", size - 10) + bytes(size - 10)]))
            self.assertEqual(self.strange(victim, [bytes(LIMITS["MAX_FRAME"] + 1)], settle=False), [])
            victim.check()

    def test_several_parts(self):                                               # W18-W22
        hello = self.hello()
        for victim in self.victims:
            for parts in ([b"", hello], [hello, b""], [hello, hello], [b""] * 10000, [b"x"] * 3, [b"id", b"", hello],
                          [bytes(1000)] * 1000):
                self.said_nothing(self.strange(victim, [parts]))
            victim.check()

    def test_routing_ids(self):                                                 # W30, W31
        for victim in self.victims:
            for routing in (b"1@ana", b"ana", b"x" * 255, b"broker"):
                for _ in range(2):                      # The second has to do without
                    stranger = self.stranger(victim.endpoint)
                    stranger.disconnect(victim.endpoint)
                    stranger.set(zmq.ROUTING_ID, routing)
                    stranger.connect(victim.endpoint)
                    stranger.send(message("APPS", 1))
            victim.check()


class TestGuests(Case):
    """Those who have been welcomed."""

    def test_three_strikes(self):
        for victim in self.victims:
            for bad in (b"\xc1", b"\x94\x01", b"\x90", pack([1]), pack([2, 17, 1, 0]), nested(5), b"\x01\x02\x03"):
                link = self.open(victim)
                before = self.stat()["link.strikes"]
                link.say_bytes(bad)
                link.say_bytes(bad)
                self.lives(link)
                link.say_bytes(bad)
                self.assertIn(self.ended(link), ("malformed", "version"), bad)
                if victim.name == "broker":
                    self.assertEqual(self.stat()["link.strikes"], before + 3)
            victim.check()

    def test_what_stands_before_bad_bytes_is_done_and_the_rest_is_not(self):
        for victim in self.victims:
            link = self.open(victim)
            count = link.call("1@ana", "count")[0]
            call = message("CALL", 0, 0, link.id, "1@ana", 0, "add", [1, 2])
            link.say_bytes(call + b"\xc1" + call)
            self.assertEqual(link.call("1@ana", "count"), [count + 1])

    def test_truncated_at_each_byte(self):                                      # W48
        for victim in self.victims:
            for name, one in golden().items():
                for size in range(1, len(one)):
                    if size % 3 == 1:
                        link = self.open(victim)
                    link.say_bytes(one[:size])
                    if size % 3 == 0:
                        self.assertIn(self.ended(link), ("malformed", "version", "state"), (name, size))
                        link.close()
                link.leave()
            victim.check()

    def test_counted_and_truncated(self):
        for victim in self.victims:
            for one in (golden()["CALL"], golden()["JOIN"], golden()["LINK"]):
                for size in range(len(one)):
                    link = self.open(victim, RESUME)
                    link.send_frame((link.counter.wrap(one))[:size])
                    link.leave()
            victim.check()

    def test_messages_for_the_other_direction(self):
        messages = golden()
        for victim in self.victims:
            for name in ("WELCOME", "RESUMED", "WHO", "ANSWER", "DENY", "MEMBERS", "WATCHED", "LINK"):
                link = self.open(victim)
                for _ in range(2):
                    link.send_frame(messages[name])
                self.lives(link)
                if victim.name == "ana" and WAYS[name] in ("TELL", "ASK"):
                    link.send_frame(messages[name])
                    self.ended(link)
            link = self.open(victim)
            link.send_frame(messages["REFUSED"])        # An end like any other
            victim.check()
        link = self.open(self.victims[1])
        for kind in ("LOOKUP", "JOIN", "STAT"):
            link.send_frame(messages[kind])             # A node is no broker
        self.assertEqual(self.ended(link), "state")

    def test_types_that_nobody_knows(self):                                     # W57
        kinds = (0, 9, 15, 25, 31, 46, 47, 63, 127, 255, 256, 65535, 2**31 - 1)
        link = self.open(self.victims[0])
        for kind in kinds:
            link.say(kind, kind + 1000, 0, "x")
            denied = link.outcome(kind + 1000, ["DENY"])
            self.assertEqual(denied[4], "usage")
        self.lives(link)
        for kind in kinds:
            link = self.open(self.victims[1])
            link.say(kind, 1, 0, "x")
            self.lives(link)
        for victim in self.victims:
            for kind in (2**31, 2**32, 2**63, 2**64 - 1, -1, None, "17"):
                link = self.open(victim)
                for _ in range(3):
                    link.say_bytes(pack([1, kind, 1, 0, "x", "1@ana"]))
                self.assertEqual(self.ended(link), "malformed")
            victim.check()

    def test_hello_twice(self):
        for victim in self.victims:
            link = self.open(victim)
            for _ in range(3):
                link.open(visitor=True, id=link.id)     # The same again is the same session
                self.lives(link)
            first, link.name = link.name, "other" + victim.name
            link.id = "1@" + link.name
            link.open(visitor=True, id=link.id)         # Another name is another session; the first has ended
            self.lives(link)
            link.incarnation += 1
            try:
                link.open(visitor=True, id=link.id)
                self.lives(link)
            except Failed as error:
                self.assertEqual(error.code, "exists")
            self.assertNotIn(first, [node["node"] for node in self.client.ask("NODES")[0]])
            victim.check()

    def test_a_wrong_token_behind_a_right_one(self):
        for victim in self.victims:
            link = self.open(victim)
            link.token = "0" * 32
            with self.assertRaises(Failed):
                link.open(visitor=True, id=link.id)
            self.lives(link)

    def test_fields_that_are_none(self):                                        # W52, W66
        for victim in self.victims:
            for fields in ([1, 17, -1, 0], [1, 17, 1, -1], [1, 17, 1, 2**32], [1, 17, 1.0, 0], [1, 17, 1, "0"], [1, 17, 1, None],
                           [-1, 17, 1, 0], [1, 17, 2**64 - 1, None]):
                link = self.open(victim)
                for _ in range(3):
                    link.say_bytes(pack(fields + [link.id, "1@ana", 3, "echo", []]))
                self.assertEqual(self.ended(link), "malformed" if fields[0] == 1 else self.ended, fields) \
                    if fields[0] == 1 else self.ended(link)
            for ends in ((None, "1@ana"), ("", "1@ana"), ("x" * 256, "1@ana"), ("1@x", ""), ("1@x", "x" * 256), ("1@x", 5), (["1@x"], "1@ana")):
                link = self.open(victim)
                for _ in range(3):
                    link.say("CALL", 1, 0, *ends, 3, "echo", [])
                self.assertEqual(self.ended(link), "malformed", ends)
            victim.check()

    def test_calls_whose_fields_are_none(self):
        """The relay does not look at them: the receiver must answer all the same, or strike."""
        for victim in self.victims:
            for kind, fields in (("CALL", ()), ("CALL", (3,)), ("CALL", (3, "echo")), ("CALL", ("3", "echo", [])), ("CALL", (-1, "echo", [])),
                                 ("CALL", (3, 5, [])), ("CALL", (3, "", [])), ("CALL", (3, "x" * 256, [])), ("CALL", (3, "echo", {})),
                                 ("CALL", (3, "echo", "x")), ("CALL", (3, "echo", None)), ("CHUNK", (3, "=c", "return 1")),
                                 ("CHUNK", (3, "=c", 5, [])), ("CHUNK", (3, None, "return 1", [])), ("CHUNK", (3, "=c", "return 1", 5)),
                                 ("CHUNK", (2**40, "=c", "return 1", [])), ("CALL", (3, "a..b", [])), ("CALL", (3, ".", [])),
                                 ("CALL", (3, "_G._G.echo.x", [])), ("CALL", (3, "string", [])), ("CALL", (3, b"\xff", []))):
                link = self.open(victim)
                number = link.request()
                link.say(kind, number, 0, link.id, "1@ana", *fields)
                failed = link.outcome(number, ["FAIL", "REPLY"])
                if failed[1] == TYPES["FAIL"]:
                    self.assertIn(failed[6]["code"], ("malformed", "no_function", "usage", "remote"), fields)
                self.lives(link)
                link.leave()
            victim.check()

    def test_values_that_are_none(self):                                        # W43, W45, W46, W49-W51, W55
        link = self.open(self.victims[1])
        bad = (b"\x81\xc0\x01", b"\x81\xcb\x7f\xf8\0\0\0\0\0\0\x01", b"\x81\x90\x01", b"\x81\x80\x01", b"\xd6\xff\0\0\0\0", b"\xd4\x05\0",
               b"\xc7\x0c\xff" + b"\xff" * 12, b"\xd4\x01\xc1", b"\xc7\x00\x01", b"\xd5\x01\x81\xa1", b"\xc7\x04\x01\x83\xa1x\x01")
        for victim in self.victims:
            for value in bad:
                link = self.open(victim)
                number = link.request()
                head = message("CALL", number, 0, link.id, "1@ana", 3, "echo", [0])
                link.say_bytes(head[:-1] + value)
                failed = link.outcome(number, ["FAIL"])
                self.assertEqual(failed[6]["code"], "malformed", value)
                self.lives(link)
                link.leave()
        colliding = pack({i << 32: 1 for i in range(60000)})
        twice = b"\x82\xa1a\x01\xa1a\x02"
        for value in (colliding, twice, pack("\0\u202e"), b"\xa2\xc0\x80", pack(-0.0), b"\xca\x7f\x80\0\0"):
            link = self.open(self.victims[1])
            number = link.request()
            head = message("CALL", number, 0, link.id, "1@ana", 3, "type", [0])
            link.say_bytes(head[:-1] + value)
            link.outcome(number, ["REPLY"])
        self.check_all()

    def test_asks_whose_fields_are_none(self):                                  # W80
        none = [(), (None,), (5,), ([],), ({},)]
        odd = ["", "x" * 256, "\0", "a\nb", "../../etc/passwd", "*", b"\xff\xfe", "\u202eana", "x" * 255]
        #  Spaces and topics read their own fields, and some of these are right there
        for kind in [kind for kind, way in WAYS.items() if way == "ASK" and TYPES[kind] < TYPES["OUT"]]:
            for fields in none + [(name,) for name in odd] + [("a", "b", "c")]:
                link = self.open(self.victims[0])
                link.say(kind, 1, 0, *fields)
                heard = link.outcome(1, ("ANSWER", "DENY"))
                if heard[1] == TYPES["DENY"]:
                    self.assertIn(heard[4], ("usage", "malformed", "unknown", "state"), (kind, fields))
                else:                           # Whether names are wise is not for the broker to say
                    self.assertTrue(kind in ("NODES", "APPS", "STAT", "WATCH", "UNWATCH")
                                    or fields and fields[0] in odd[4:] + ["a"], (kind, fields))
                link.leave()
        self.check_all()

    def test_asks_of_spaces_and_topics_whose_fields_are_none(self):
        odd = [(), (None,), (5,), ({},), ("", "x"), ("x" * 256, "x"), ("a", "b", "c"), ("s", "out", "before", {}, 5, None)]
        for kind in [kind for kind, way in WAYS.items() if way == "ASK" and TYPES[kind] >= TYPES["OUT"]]:
            for fields in odd:
                link = self.open(self.victims[0])
                link.say(kind, 0, 0, *fields)           # Nobody wants to know
                self.lives(link)
                link.leave()
        self.check_all()

    def test_asks_that_are_malformed_are_strikes(self):
        link = self.open(self.victims[0])
        for _ in range(3):
            link.say("JOIN", link.request(), 0, None)
        self.assertEqual(self.ended(link), "malformed")

    def test_forged_authors(self):
        link = self.open(self.victims[0])
        for author in ("1@ana", self.client.id, "nobody", "x" * 255):
            number = link.request()
            link.say("CALL", number, 0, author, "1@ana", 3, "echo", [1])
            self.assertEqual(link.outcome(number, ["REPLY"])[5], link.id)       # It was stamped with the truth
        for author in ("1@ana", "1@honest", "nobody"):
            link = self.open(self.victims[1])
            for _ in range(3):
                link.say("CALL", link.request(), 0, author, "1@ana", 3, "add", [1, 2])
            self.assertEqual(self.ended(link), "denied")
        self.assertEqual(self.client.call("1@ana", "count"), [0])

    def test_ids_of_others(self):
        """Whoever has the token may say over a link of its own that it is somebody; the link of him who is stays."""
        link = self.link(self.ana.ipc, name="eve")
        link.open(id="1@ana")
        link.id = "1@ana"
        link.say("CHUNK", 1, 0, "1@ana", "1@ana", 3, "=c", "return 1", [])
        self.check_all()

    def test_answers_that_nobody_asked_for(self):                               # W63, W64
        victim = self.open(self.victims[0])
        victim.serve["slow"] = lambda: ["truth"]
        liars = [self.open(one) for one in self.victims]
        asker = self.open(self.victims[0])
        number = asker.request()
        asker.say("CALL", number, 0, asker.id, "1@ana", 3, "ask", [victim.id, "slow"])
        call = victim.hear()                            # Now ana waits for this request
        for liar in liars:
            for request in range(0, 50):
                liar.say("REPLY", request, 0, liar.id, "1@ana", ["lie"])
                liar.say("FAIL", request, 0, liar.id, "1@ana", {"code": "remote", "message": "lie"})
            self.lives(liar)
        victim.handle(call)
        victim.handle(call)                             # Answered twice
        self.assertEqual(asker.outcome(number, ["REPLY"])[6], ["truth"])
        for kind in ("REPLY", "FAIL"):
            for fields in ((), (None,), (5,), ("x",), ({},), ([],), ({"code": 5, "message": []},), ({"traceback": 7, "value": {1: 2}},)):
                liar = self.open(self.victims[1])
                number = asker.request()
                asker.say("CALL", number, 0, asker.id, "1@ana", 3, "ask", [victim.id, "slow"])
                call = victim.hear()
                victim.say(kind, call[2], 0, victim.id, "1@ana", *fields)
                self.assertIn(asker.outcome(number, ("REPLY", "FAIL"))[1], (TYPES["REPLY"], TYPES["FAIL"]))
        self.check_all()

    def test_cancels_of_others(self):                                           # W65
        victim = self.open(self.victims[0])
        asker = self.open(self.victims[0])
        number = asker.request()
        victim.serve["slow"] = lambda: ["truth"]
        asker.say("CALL", number, 0, asker.id, "1@ana", 3, "ask", [victim.id, "slow"])
        call = victim.hear()
        for one in self.victims:
            liar = self.open(one)
            for request in range(50):
                liar.say("CANCEL", request, 0, liar.id, "1@ana")
                liar.say("CANCEL", request, 0, liar.id, victim.id)
            self.lives(liar)
        victim.handle(call)
        self.assertEqual(asker.outcome(number, ["REPLY"])[6], ["truth"])

    def test_credit_that_was_never_earned(self):
        for fields in ((2**63, 2**63), (1, 0), (0, 1), (-1, 0), ("x", 1), ()):
            link = self.open(self.victims[1])
            for _ in range(3):
                link.say("CREDIT", 0, 0, link.id, "1@ana", *fields)
            self.assertIn(self.ended(link), ("state", "malformed"), fields)
        self.check_all()

    def test_ends_of_others(self):
        for victim in self.victims:
            for fields in (("closed", "x"), ("gone", "x"), (5, 5), (), (None, None)):
                liar = self.open(victim)
                liar.say("END", 0, 0, "1@honest", "1@ana", *fields)
                liar.say("END", 0, 0, liar.id, "1@ana", *fields)
            victim.check()

    def test_forged_counts(self):                                               # W70
        def header(seq, ack):
            return b"\x94\x01\x01\xcf" + struct.pack(">Q", seq) + b"\xcf" + struct.pack(">Q", ack)

        call = golden()["STAT"]
        for victim in self.victims:
            for seq, ack in ((2, 0), (3, 0), (2**64 - 1, 0), (2**63, 0), (1, 1000), (1, 2**64 - 1), (0, 2**63), (0, 50)):
                link = self.open(victim, RESUME)
                link.send_frame(header(seq, ack) + (call if seq else b""))
                self.assertEqual(self.ended(link), "malformed", (seq, ack))
            link = self.open(victim, RESUME)
            self.lives(link)
            link.send_frame(header(1, 0) + b"\xc1")     # Had already: ignored, whatever it holds
            link.send_frame(header(0, 0))
            self.lives(link)
            for bad in (header(0, 0) + call, b"\x95" + header(2, 0)[1:], b"\x94\x01\x01\xff\xff", header(2, 0)[:12], call):
                link = self.open(victim, RESUME)
                link.send_frame(bad)
                link.send_frame(bad)
                self.lives(link)
                link.send_frame(bad)
                self.assertEqual(self.ended(link), "malformed")
            victim.check()

    def test_counts_that_go_back(self):
        for victim in self.victims:
            link = self.open(victim, RESUME)
            for _ in range(5):
                self.lives(link)
            for received in (link.counter.had + 1, 2**63, 0):                   # More than was sent; what was acknowledged
                link.socket.close(0)
                link.connect()
                link.send_frame(message("RESUME", 0, 0, 9, link.welcome["session"], received))
                heard = link.hear()
                self.assertEqual((heard[1], heard[5]), (TYPES["REFUSED"], "state"))
            victim.check()

    def test_resume_of_a_link_that_is_not_counted(self):
        for victim in self.victims:
            link = self.open(victim)
            heard = self.strange(victim, [message("RESUME", 0, 0, 5, link.welcome["session"], 0)])
            self.assertEqual(heard[0][4:6], [5, "state"])
            victim.check()

    def test_several_parts(self):
        for victim in self.victims:
            link = self.open(victim)
            call = message("CALL", 0, 0, link.id, "1@ana", 0, "add", [1, 2])
            before = self.stat()["link.refused"]
            for parts in ([call, call], [b"", call], [call, b""], [call] + [b""] * 1000):
                link.send_frame(*parts)
            self.lives(link)
            self.assertEqual(link.call("1@ana", "count"), [0])
            if victim.name == "broker":
                self.assertGreaterEqual(self.stat()["link.refused"], before + 4)

    def test_a_flood_beyond_all_credit(self):
        """120 MB, where 8 MB were granted."""
        for busy in (False, True):
            link = self.open(self.victims[1])
            before = resident(self.ana.pid)
            if busy:
                link.say("CHUNK", 0, 0, link.id, "1@ana", 0, "=c", "local t = os.clock() while os.clock() < t + 1 do end", [])
            body = message("CALL", 0, 0, link.id, "1@ana", 0, "echo", [b"\0" * 60000])
            for _ in range(2000):
                link.send_frame(body)
            self.check_all()
            if not busy:                               # While it computes, libzmq alone reads: up to its high-water mark
                self.assertLess(resident(self.ana.pid) - before, 60000)

    def test_one_that_does_not_read(self):
        """Results that nobody fetches: the broker gives its session up, and goes on."""
        link = self.link(self.socket_path)
        link.socket.close(0)
        link.socket = zmq.Context.instance().socket(zmq.DEALER)
        link.socket.set(zmq.RCVHWM, 1)
        link.socket.set(zmq.RCVBUF, 4096)
        link.socket.set(zmq.LINGER, 0)
        link.socket.connect(self.socket_path)
        link.open(visitor=True)
        before = resident(self.broker.pid)
        for i in range(300):
            link.say("CHUNK", 0, 0, self.client.id, link.id, 0, "=c", "x", [])
            self.client.say("CHUNK", 0, 0, self.client.id, link.id, 0, "=c", "x", [b"\0" * 500000])
        self.check_all()
        self.assertGreater(self.stat()["relay_full"], 0)
        self.assertLess(resident(self.broker.pid) - before, 60000)


class TestTcp(Case):
    """Below our protocol: what a stranger can do to a TCP port."""

    def setUp(self):
        super().setUp()
        for victim in self.victims:
            victim.endpoint = victim.process.tcp

    def fresh(self, victim):
        """A new link over TCP works."""
        link = self.open(victim)
        self.assertEqual(link.call("1@ana", "echo", 5), [5])
        link.leave()

    def test_greetings_that_are_none(self):                                     # W02-W04
        greetings = [GREETING[:size] for size in range(len(GREETING))]
        greetings += [b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(100), self.random.randbytes(64),
                      self.random.randbytes(5000), b"\xff" * 64, b"\x01\x00", b"\x01\x05abcd", b"\xff\0\0\0\0\0\0\0\1\x7f\0"]
        greetings += [GREETING[:10] + bytes([major, minor]) + GREETING[12:] for major, minor in ((1, 0), (2, 0), (99, 99))]
        greetings += [GREETING[:12] + name.ljust(20, b"\0") + GREETING[32:] for name in (b"PLAIN", b"CURVE", b"GSSAPI", b"", b"\xff" * 20)]
        for victim in self.victims:
            for greeting in greetings:
                connection = self.raw(victim)
                connection.sendall(greeting)
                connection.close()
            self.fresh(victim)
            victim.check()

    def test_what_follows_a_greeting(self):                                     # W11-W17, W23-W25
        deep = message("APPS", 1)
        after = [b"", READY[:5], READY, READY + READY, READY + frame(deep), READY + command(b"ERROR", b"\xff" + b"x" * 255),
                 READY + command(b"PING", b"\0\x0a" + b"c" * 16), READY + command(b"PING", b"\0\x0a" + bytes(65536)), READY + command(b"PONG", b"x"),
                 READY + command(b"SUBSCRIBE", b"x"), READY + command(b"CANCEL", b"x"), READY + command(b"JUNK"), READY + b"\x04\0", READY + command(b""),
                 READY + b"\xf8\x01x", READY + b"\x02" + struct.pack(">Q", 2**63), READY + b"\x02" + struct.pack(">Q", 2**40),
                 READY + b"\x02" + struct.pack(">Q", 2**32), READY + b"\x02" + struct.pack(">Q", 2**64 - 1), READY + b"\x02" + struct.pack(">Q", 1) + b"x",
                 READY + b"\x06" + struct.pack(">Q", 2**62), READY + command(b"PING", b"\0\x0a") * 20000, command(b"PING", b"\0\x0a"),
                 command(b"HELLO", bytes(194)), command(b"INITIATE", bytes(500)), frame(deep),
                 command(b"READY", metadata(b"Socket-Type", b"PUB")), command(b"READY", metadata(b"Socket-Type", b"x" * 1000)),
                 command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 2**31 - 1) + b"DEALER"), command(b"READY", b"\xff"),
                 command(b"READY", metadata(b"Socket-Type", b"DEALER") + metadata(b"Identity", b"x" * 256)),
                 command(b"READY", metadata(b"Socket-Type", b"DEALER") + metadata(b"Identity", b"\0abc")),
                 command(b"READY", metadata(b"x" * 255, b"y" * 200) * 100), READY + frame(b"", True) * 5000, READY + frame(b"x" * 200, True) * 2000]
        for victim in self.victims:
            for data in after:
                connection = self.raw(victim, 0.2)
                try:
                    connection.sendall(GREETING + data)
                    connection.recv(200)
                except (ConnectionError, socket.timeout):
                    pass
                connection.close()
            self.fresh(victim)
            victim.check()

    def test_a_frame_larger_than_the_limit_ends_the_connection(self):           # W15
        for victim in self.victims:
            for size in (LIMITS["MAX_FRAME"] + 1, 2**32, 2**40, 2**63):
                connection = self.raw(victim, 1)        # Sooner than a missing heartbeat would
                connection.sendall(GREETING + READY + b"\x02" + struct.pack(">Q", size) + bytes(100))
                try:
                    while connection.recv(1000):
                        pass
                except ConnectionError:
                    pass
            victim.check()

    def test_half_open(self):                                                   # W01, W26
        for victim in self.victims:
            before = resident(victim.process.pid)
            half = [self.raw(victim) for _ in range(200)]
            for i, connection in enumerate(half):
                connection.sendall(GREETING[:i % 64])
            self.fresh(victim)
            victim.check()
            self.assertLess(resident(victim.process.pid) - before, 30000)

    def test_half_open_ones_are_shut_out_soon(self):                            # W01
        half = [self.raw(victim, 10) for victim in self.victims]
        for connection in half:
            connection.sendall(GREETING[:20])
        for connection in half:
            while connection.recv(1000):                # Ends in time, or fails with a timeout
                pass

    def test_one_that_answers_no_heartbeat(self):                               # W24
        whole = [self.raw(victim, 10) for victim in self.victims]
        for connection in whole:
            connection.sendall(GREETING + READY)
        for connection in whole:
            while connection.recv(1000):
                pass

    def test_more_than_is_read_and_then_a_reset(self):
        """What libzmq keeps for us is full, as we compute; the connection breaks, and its next heartbeat would be due."""
        honest, ana = self.link(self.socket_path), self.victims[1]
        honest.open(visitor=True)
        honest.say("CALL", honest.request(), 30000, honest.id, "1@ana", 0, "compute", [3])
        connection = self.raw(ana, 0.5)
        connection.sendall(GREETING + READY)
        said = b""
        while b"ROUTER" not in said:                    # Its READY
            said += connection.recv(200)
        try:
            while True:
                connection.sendall(frame(b"x") * 1000)
        except TimeoutError:
            pass
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        ana.check()

    def test_a_link_without_heartbeats_is_cut(self):                            # W24
        for victim in self.victims:
            link = self.link(victim.endpoint, name="mute", heartbeats=False)
            link.open(visitor=True, id="1@mute")
            with link.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED) as gone:
                self.assertTrue(gone.poll(1000 * harness.PATIENCE))
                link.socket.disable_monitor()
            self.lives(self.open(victim))

    def test_connect_and_close(self):                                           # W27
        for victim in self.victims:
            count = wire_hostile.descriptors(victim.process.pid)
            for _ in range(1000):
                self.raw(victim).close()
            self.fresh(victim)
            victim.check()
            wire_hostile.harness.eventually(lambda: wire_hostile.descriptors(victim.process.pid) <= count + 4, "closed")


if __name__ == "__main__":
    unittest.main()

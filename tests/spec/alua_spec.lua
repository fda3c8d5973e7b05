local fake = require "fake_core"

describe("alua", function()
  local world, p

  before_each(function()
    world = fake.world()
    p = world:process()
  end)

  -- Run f as an event of p until nothing is left to happen; its results.
  local function run(f, ...)
    local results
    p:main(function(...) results = table.pack(f(...)) end, ...)
    world:run()
    assert(results, "it did not end: " .. table.concat(world.reports, "; "))
    return table.unpack(results, 1, results.n)
  end

  local function alua() return p.env.alua end

  -- What a callback got, once all has happened.
  local function reply_to(f)
    local got
    run(function() f(function(reply) got = reply end) end)
    return got
  end

  describe("fields", function()
    it("tell who we are", function()
      assert.equal("1@here", alua().id)
      assert.equal("here", alua().daemonid)
    end)

    it("follow the network", function()
      alua().close()
      assert.is_nil(alua().id)
      assert.is_nil(alua().daemonid)
    end)
  end)

  describe("send", function()
    it("runs the chunk elsewhere, as an event", function()
      local q = world:process()
      run(function() assert.is_true(alua().send(q.id, "x = 1 + 1")) end)
      assert.equal(2, q.env.x)
    end)

    it("keys the reply by destination, for one", function()
      local q = world:process()
      local reply = reply_to(function(cb) alua().send(q.id, "x = 1", cb) end)
      assert.same({ [q.id] = { status = "ok" } }, reply)
    end)

    it("keys the reply by destination, for oneself and for a list of one", function()
      local reply = reply_to(function(cb) alua().send(alua().id, "x = 1", cb) end)
      assert.same({ ["1@here"] = { status = "ok" } }, reply)
      reply = reply_to(function(cb) alua().send({ alua().id }, "x = 1", cb) end)
      assert.same({ ["1@here"] = { status = "ok" } }, reply)
    end)

    it("counts duplicates once", function()
      local q = world:process()
      run(function() alua().send({ q.id, q.id }, "n = (n or 0) + 1") end)
      assert.equal(1, q.env.n)
    end)

    it("enters each failure as text, under the sender's line", function()
      local q = world:process()
      local reply = reply_to(function(cb) alua().send({ q.id, "9@here" }, "error 'oh'", cb) end)
      assert.equal("error", reply[q.id].status)
      assert.matches("alua_spec.lua:%d+:1: oh", reply[q.id].error)
      assert.equal("error", reply["9@here"].status)
      assert.is_string(reply["9@here"].error)
    end)

    it("never runs a chunk inside the send", function()
      run(function()
        alua().send(alua().id, "here = true")
        assert.is_nil(p.env.here)
      end)
      assert.is_true(p.env.here)
    end)

    it("keeps the order of two sends", function()
      local q = world:process()
      run(function()
        alua().send(q.id, "s = 'a'")
        alua().send(q.id, "s = s .. 'b'")
      end)
      assert.equal("ab", q.env.s)
    end)

    it("fails a chunk that does not end before its timeout", function()
      local q = world:process()
      local reply = reply_to(function(cb) alua().send(q.id, "alua.sleep(10)", cb, 2) end)
      assert.equal("error", reply[q.id].status)
    end)

    it("reports a failure that nobody takes", function()
      run(function() alua().send("9@here", "x = 1") end)
      assert.matches("9@here", world.reports[1])
    end)

    it("answers flat when there is no destination or no network", function()
      local reply = reply_to(function(cb) alua().send({}, "x = 1", cb) end)
      assert.same({ status = "error", error = "invalid destination" }, reply)
      alua().close()
      reply = reply_to(function(cb) alua().send("1@here", "x = 1", cb) end)
      assert.same({ status = "error", error = "not connected" }, reply)
    end)

    it("raises for what is no chunk or no destination", function()
      assert.error_matches(function() alua().send("1@here", print) end, "chunk must be a string")
      assert.error_matches(function() alua().send(nil, "x = 1") end, "got nil")
      assert.error_matches(function() alua().send({ 3 }, "x = 1") end, "destination 1")
      assert.error_matches(function() alua().send("1@here", "x = 1", 3) end, "callback")
    end)
  end)

  describe("eval", function()
    it("brings the results back, nil among them", function()
      local q = world:process()
      q.env.base = 10
      local function count(...) return select("#", ...), ... end
      local n, a, b, c = run(function()
        return count(alua().eval(q.id, "local x, y = ... return base + x, nil, y", 1, 2))
      end)
      assert.same({ 3, 11, nil, 2 }, { n, a, b, c })
    end)

    it("returns nil and an error object", function()
      local value, err = run(function() return alua().eval("9@here", "return 1") end)
      assert.is_nil(value)
      assert.equal("unknown", err.code)
    end)
  end)

  describe("spawn", function()
    it("starts as many as wanted", function()
      local reply = reply_to(function(cb) alua().spawn(3, cb) end)
      assert.same({ status = "ok", processes = {
        ["2@here"] = { status = "ok", daemon = "here" },
        ["3@here"] = { status = "ok", daemon = "here" },
        ["4@here"] = { status = "ok", daemon = "here" },
      } }, reply)
    end)

    it("returns the same reply without a callback", function()
      local reply = run(function() return alua().spawn(1) end)
      assert.same({ status = "ok", daemon = "here" }, reply.processes["2@here"])
    end)

    it("refuses taken names one by one", function()
      run(function() alua().spawn { "A" } end)
      local reply = run(function() return alua().spawn { "A", "B" } end)
      assert.equal("ok", reply.status)
      assert.same({ status = "error", error = "process name already exists", daemon = "here" },
        reply.processes.A)
      assert.equal("ok", reply.processes.B.status)
    end)

    it("starts processes on named nodes", function()
      world:process { node = "ana" }
      local reply = run(function() return alua().spawn { ana = { "A" }, [p.node] = 1 } end)
      assert.same({ status = "ok", daemon = "ana" }, reply.processes.A)
      assert.same({ status = "ok", daemon = "here" }, reply.processes["4@here"]
        or reply.processes["3@here"])
    end)

    it("names a node it does not know", function()
      local reply = run(function() return alua().spawn { nobody = 2 } end)
      assert.same({ status = "error", error = "unknown daemon 'nobody'" }, reply)
      reply = run(function() return alua().spawn { nobody = { "A" } } end)
      assert.equal("unknown daemon 'nobody'", reply.processes.A.error)
    end)

    it("has the new ones run a chunk first", function()
      local reply = run(function()
        local reply = alua().spawn("x = 1", { n = 2 })
        for id in pairs(reply.processes) do alua().send(id, "y = x") end
        return reply
      end)
      for id in pairs(reply.processes) do
        assert.equal(1, world:find(world.home, id).env.y)
      end
    end)

    it("finds a syntax error before anything starts", function()
      local reply = run(function() return alua().spawn("x =", { n = 2 }) end)
      assert.equal("error", reply.status)
      assert.matches("alua_spec.lua:%d+:1:", reply.error)
      assert.equal(1, #world.processes)
    end)

    it("says what is wrong with a request", function()
      local function problem(what) return run(function() return alua().spawn(what).error end) end
      assert.equal("invalid number of process", problem(0))
      assert.equal("duplicate name", problem { "A", "A" })
      assert.equal("invalid name", problem { "A", 3 })
      assert.equal("duplicate name", problem { x = { "A" }, y = { "A" } })
      assert.error_matches(function() alua().spawn("x = 1", { many = 2 }) end, "unknown option many")
    end)
  end)

  describe("exit", function()
    it("ends this process with a code", function()
      p:main(function() alua().exit(3) end)
      world:run()
      assert.equal(3, p.exited)
    end)

    it("ends others, who answer first", function()
      local q, r = world:process(), world:process()
      local reply = reply_to(function(cb) alua().exit({ q.id, r.id }, 2, cb) end)
      assert.same({ [q.id] = { status = "ok" }, [r.id] = { status = "ok" } }, reply)
      assert.same({ 2, 2 }, { q.exited, r.exited })
      assert.is_nil(p.exited)
    end)

    it("runs what was sent before", function()
      local q = world:process()
      run(function()
        alua().send(q.id, "x = 1")
        alua().exit(q.id)
      end)
      assert.equal(1, q.env.x)
      assert.equal(0, q.exited)
    end)
  end)

  describe("open", function()
    it("connects to a broker", function()
      world:broker("tcp://127.0.0.1:6080", "127.0.0.1:6080")
      local reply = run(function() return alua().open "127.0.0.1:6080" end)
      assert.same({ status = "ok", id = "1@127.0.0.1:6080", daemon = "127.0.0.1:6080" }, reply)
      assert.equal("127.0.0.1:6080", alua().daemonid)
    end)

    it("does not wait for one that is not there", function()
      local start = world.time
      local reply = run(function() return alua().open "127.0.0.1:6080" end)
      assert.equal("error", reply.status)
      assert.matches("127.0.0.1:6080", reply.error)
      assert.equal(start, world.time)
      assert.equal("1@here", alua().id)
    end)

    it("starts one when it is asked to, and none when one answers", function()
      local cfg = { addr = "127.0.0.1", port = 6080 }
      local reply = reply_to(function(cb) alua().open(cfg, cb) end)
      assert.equal("1@127.0.0.1:6080", reply.id)
      p = world:process()
      reply = reply_to(function(cb) alua().open(cfg, cb) end)
      assert.equal("2@127.0.0.1:6080", reply.id)
    end)

    it("takes the broker of somebody who was faster", function()
      local core = p.core
      function core.start_broker(endpoint, cb)
        world:broker(endpoint, "127.0.0.1:6080")
        core.task(cb, nil, core.error("system", "in use"))
      end
      local reply = run(function() return alua().open { port = 6080 } end)
      assert.equal("ok", reply.status)
    end)

    it("says why a broker cannot start", function()
      world.refused["tcp://127.0.0.1:80"] = true
      local reply = run(function() return alua().open { port = 80 } end)
      assert.same({ status = "error", error = "cannot bind tcp://127.0.0.1:80" }, reply)
    end)

    it("answers with the network we are in", function()
      local reply = run(function() return alua().open() end)
      assert.same({ status = "ok", id = "1@here", daemon = "here" }, reply)
    end)

    it("refuses a second network until the first is closed", function()
      local function open() return run(function() return alua().open { port = 6080 } end) end
      open()
      assert.same({ status = "error", error = "already connected" }, open())
      assert.is_true(alua().close())
      assert.equal("ok", open().status)
    end)

    it("refuses what is no address", function()
      local reply = run(function() return alua().open "somewhere" end)
      assert.same({ status = "error", error = "invalid daemon address" }, reply)
      reply = run(function() return alua().open { port = 70000 } end)
      assert.same({ status = "error", error = "invalid daemon address" }, reply)
    end)
  end)

  it("creates brokers, at any free port too", function()
    local reply = run(function() return alua().create { addr = "127.0.0.1", port = 6080 } end)
    assert.same({ status = "ok", daemon = "127.0.0.1:6080" }, reply)
    reply = run(function() return alua().create { addr = "127.0.0.1", port = 0 } end)
    assert.same({ status = "ok", daemon = "127.0.0.1:40001" }, reply)
    assert.equal("1@here", alua().id)
  end)

  describe("names", function()
    it("are found by others", function()
      local q = world:process()
      assert.is_true(run(function() return alua().register "printer" end))
      p = q
      assert.equal("1@here", run(function() return alua().whereis "printer" end))
    end)

    it("belong to one", function()
      run(function() alua().register "printer" end)
      p = world:process()
      local ok, err = run(function() return alua().register "printer" end)
      assert.is_nil(ok)
      assert.equal("exists", err.code)
    end)

    it("report a failure that the callback cannot take", function()
      local called
      run(function() alua().whereis("nobody", function(_) called = true end) end)
      assert.is_nil(called)
      assert.matches("whereis of nobody", world.reports[1])
      run(function() alua().whereis("nobody", function(_, err) called = err.code end) end)
      assert.equal("unknown", called)
    end)
  end)

  describe("time", function()
    it("passes in sleep while other events run", function()
      run(function()
        alua().task.schedule(function() p.env.ran = true end)
        alua().sleep(2)
        assert.is_true(p.env.ran)
      end)
      assert.equal(102, world.time)
    end)

    it("fires timers again and again, with the timer", function()
      local times = {}
      run(function()
        alua().timer.create(0.5, function(t)
          times[#times + 1] = world.time
          if #times == 3 then alua().timer.cancel(t) end
        end)
      end)
      assert.same({ 100.5, 101, 101.5 }, times)
    end)

    it("goes on after an error, and leaves out what was missed", function()
      local times = {}
      run(function()
        alua().timer.create(1, function(t)
          times[#times + 1] = world.time
          if #times == 1 then
            world.time = world.time + 2.5 -- A long computation
            error "oops"
          end
          if #times == 3 then t:cancel() end
        end)
      end)
      assert.matches("oops", world.reports[1])
      assert.same({ 101, 103.5, 104 }, times)
    end)

    it("stops with flush and with cancel, twice", function()
      local n = 0
      run(function()
        local t = alua().timer.create(1, function() n = n + 1 end)
        alua().timer.create(1, function() n = n + 1 end)
        alua().sleep(1.5)
        t:cancel()
        t:cancel()
        alua().sleep(1)
        alua().timer.flush()
      end)
      assert.equal(3, n)
    end)
  end)

  it("watches others until told not to", function()
    local q, r = world:process(), world:process()
    local seen = {}
    local handle
    run(function()
      handle = alua().watch(q.id, function(what, id) seen[#seen + 1] = what .. " " .. id end)
    end)
    world:kill(r)
    world:tell_watchers(q, "silent")
    world:kill(q)
    world:run()
    assert.same({ "silent 2@here", "gone 2@here" }, seen)
    handle:close()
    handle:close()
    world:tell_watchers(q, "up")
    world:run()
    assert.equal(2, #seen)
  end)

  describe("tostring", function()
    local function same(v) return load("return " .. alua().tostring(v))() end

    it("is read back as the same value", function()
      for _, v in ipairs { 1, -3, 0.1, 1.0, 1e300, math.huge, -math.huge, math.mininteger, 2^53,
        math.pi, true, "a\nb\0c\"'", "" } do
        assert.equal(v, same(v))
        assert.equal(math.type(v), math.type(same(v)))
      end
      local t = { 1, { 2, x = { "y" } }, ["end"] = false, [2.5] = 0, [true] = 1, _a1 = "z" }
      assert.same(t, same(t))
      local nan = same(0 / 0)
      assert.is_true(nan ~= nan)
    end)

    it("reads well", function()
      assert.equal('{1, 2, a = {b = true}, ["c d"] = "e"}',
        alua().tostring { 1, 2, a = { b = true }, ["c d"] = "e" })
    end)

    it("names the path to what it cannot write", function()
      assert.error_matches(function() alua().tostring { a = { print } } end, "value.a%[1%]: a function")
      local cycle = {}
      cycle.me = cycle
      assert.error_matches(function() alua().tostring(cycle) end, "value.me: a table that holds itself")
      assert.equal("{{}, {}}", alua().tostring { cycle.none or {}, {} })
    end)
  end)
end)

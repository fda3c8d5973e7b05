local core = require "alua.core"
local luarpc = require "luarpc"

local function raises(text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(text, 1, true), tostring(err))
  return err
end

-- A future that has these results after so many seconds.
local function after(seconds, ...)
  local future, resolve = core.new_future()
  local results = table.pack(...)
  core.timer(seconds, function() resolve(table.unpack(results, 1, results.n)) end)
  return future
end

local function failure(text) return core.error("gone", text) end

describe("luarpc", function()
  describe("all", function()
    it("has packed results or errors in their places", function()
      local out = luarpc.all { after(0.02, 1, nil), after(0, nil, failure "dead"), after(0.01) }
      assert.same({ 1, nil, n = 2 }, out[1])
      assert.is_true(luarpc.iserror(out[2]))
      assert.equal(0, out[3].n)
      assert.equal(3, #out)
    end)

    it("keeps a function's own nil, text apart from failures", function()
      assert.same({ nil, "none", n = 2 }, luarpc.all({ after(0, nil, "none") })[1])
    end)

    it("has one budget for all", function()
      local t0 = core.now()
      local out = luarpc.all({ core.new_future(), after(0, "x"), (core.new_future()) }, { timeout = 0.1 })
      assert.equal("timeout", out[1].code)
      assert.equal("x", out[2][1])
      assert.equal("timeout", out[3].code)
      assert.is_true(core.now() - t0 < 1)
    end)

    it("of nothing is nothing", function() assert.same({}, luarpc.all {}) end)
  end)

  describe("any", function()
    it("returns the first success, its index first", function()
      assert.same({ 2, "b", nil, n = 3 }, table.pack(luarpc.any { after(5, "a"), after(0.01, "b", nil) }))
    end)

    it("passes over failures", function()
      assert.equal(2, (luarpc.any { after(0, nil, failure "dead"), after(0.02, "b") }))
      assert.equal(2, (luarpc.any { after(0, nil, failure "dead"), after(0.02, nil, "own text") }))
    end)

    it("fails when all have", function()
      local none, err = luarpc.any { after(0, nil, failure "one"), after(0.01, nil, failure "two") }
      assert.is_nil(none)
      assert.equal("gone", err.code)
    end)

    it("ends with its timeout", function()
      local none, err = luarpc.any({ (core.new_future()) }, { timeout = 0.05 })
      assert.is_nil(none)
      assert.equal("timeout", err.code)
    end)

    it("needs no waiting when one is done", function()
      local done = after(0, "x")
      done:get()
      assert.same({ 2, "x" }, { luarpc.any { (core.new_future()), done } })
    end)
  end)

  describe("map", function()
    local async, calls, at_work, most
    before_each(function()
      async, calls, at_work, most = core.async, {}, {}, 0
      core.async = function(process, name, callback, options)
        return function(item)
          calls[#calls + 1] = process .. " " .. name .. " " .. tostring(item)
          at_work[process] = (at_work[process] or 0) + 1
          most = math.max(most, at_work[process])
          assert.is_nil(options.inflight)
          core.timer(process == "slow" and 0.05 or 0.002, function()
            at_work[process] = at_work[process] - 1
            if item == "bad" then return callback(nil, failure "dead") end
            callback(item * item, "ignored")
          end)
        end
      end
    end)
    after_each(function() core.async = async end)

    it("keeps the list's order and gives the free ones more to do", function()
      local out = luarpc.map({ "slow", "quick" }, "square", { 1, 2, 3, 4, 5, 6 })
      assert.same({ 1, 4, 9, 16, 25, 36, n = 6 }, out)
      assert.equal("slow square 1", calls[1])
      assert.equal(6, #calls)
      assert.equal(1, at_work.slow + 1)
      assert.equal(1, most)
    end)

    it("gives each as many as inflight says", function()
      luarpc.map({ "quick" }, "square", { 1, 2, 3, 4, 5, 6 }, { inflight = 3 })
      assert.equal(3, most)
    end)

    it("stops at the first failure and tells how far it came", function()
      local out, err, partial = luarpc.map({ "quick" }, "square", { 1, "bad", 3 })
      assert.is_nil(out)
      assert.equal("dead", err.message)
      assert.same({ 1, n = 3 }, partial)
      assert.equal(2, #calls)
    end)

    it("of nothing is nothing", function() assert.same({ n = 0 }, luarpc.map({ "quick" }, "f", {})) end)
  end)

  describe("export", function()
    it("adds and takes away", function()
      local f = function() end
      luarpc.export("spec_f", f)
      assert.equal(f, core.exports.spec_f)
      assert.is_true(luarpc.unexport("spec_f"))
      assert.is_false(luarpc.unexport("spec_f"))
    end)
  end)

  describe("futures", function()
    it("get again and again, with nils", function()
      local future = after(0, nil, 2, nil)
      for _ = 1, 2 do assert.same({ nil, 2, nil, n = 3 }, table.pack(future:get())) end
      assert.is_true(future:ready())
    end)

    it("are cancelled once", function()
      local future, resolve = core.new_future()
      assert.is_true(future:cancel())
      assert.is_false(future:cancel())
      assert.is_false(resolve(1))
      assert.equal("cancelled", select(2, future:get()).code)
    end)

    it("close when their variable ends", function()
      local kept
      do
        local future <close> = core.new_future()
        kept = future
      end
      assert.is_true(kept:ready())
    end)
  end)

  describe("misuse raises at the caller's line:", function()
    local cases = {
      { "all of no table", "must be a table, got nil", luarpc.all },
      { "all of other things", "entry 2 is no future, but a number", luarpc.all, { (core.new_future()), 1 } },
      { "unknown options", "unknown option 'timeot'", luarpc.all, {}, { timeot = 1 } },
      { "any of nothing", "the list of futures is empty", luarpc.any, {} },
      { "map without processes", "the list of processes is empty", luarpc.map, {}, "f", {} },
      { "map without a name", "name must be a string, got nil", luarpc.map, { "p" }, nil, {} },
      { "map with odd options", "unknown option 'inflght'", luarpc.map, { "p" }, "f", {}, { inflght = 2 } },
      { "export without a name", "a name is needed", luarpc.export, nil, print },
      { "export of a number", "only functions and tables of functions", luarpc.export, "x", 1 },
      { "sync of no process", "the process must be a string", luarpc.sync, nil, "f" },
      { "sync of no name", "the function's name must be a string", luarpc.sync, "p" },
      { "async with a string to call", "the callback must be a function", luarpc.async, "p", "f", "cb" },
      { "odd timeout", "a number of seconds", luarpc.future, "p", "f", { timeout = "1" } },
    }
    for _, case in ipairs(cases) do
      it(case[1], function()
        local err = raises(case[2], function() case[3](table.unpack(case, 4, 7)) end)
        assert.truthy(err:find("luarpc_spec.lua:%d+:"), err)
      end)
    end
  end)
end)

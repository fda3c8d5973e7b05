-- jobs.lua - a job runner: calls to submit, a tuple space to queue, topics to follow
--
--     ./run -n 4 examples/jobs.lua
--
-- The first process accepts jobs by remote call and puts them into a space; the others are workers that take them on a
-- lease, run their code, and publish how it goes. Whoever wants to follows all of it by subscribing to "jobs.>".

assert(alua.size > 1, "who is to work? Start it with -n 2 or more")
local jobs, done = luats.space "jobs", luats.space "done"

-- Submit a job: Lua text and its arguments. Answers its number.
local last = 0
luarpc.export("submit", function(code, ...)
  last = last + 1
  assert(jobs:out { "job", last, luats.code(code), args = table.pack(...) })
  luaps.publish(("jobs.%d.queued"):format(last), alua.id)
  return last
end)

local function work()
  for job, lease in jobs:each({ "job", luats.rest }, { lease = 5 }) do
    local number = job[2]
    luaps.publish(("jobs.%d.running"):format(number), alua.id)
    local ok, result = pcall(job[3], table.unpack(job.args, 1, job.args.n))
    lease:ack { done = { { number, ok, tostring(result) } } }
    luaps.publish(("jobs.%d.%s"):format(number, ok and "done" or "failed"), alua.id)
  end
end

if alua.rank > 1 then
  work()
  return
end

local stages = 0
local log = luaps.subscribe("jobs.>", function() stages = stages + 1 end)
local me = alua.id
local submit = luarpc.sync(me, "submit")
local numbers = {
  assert(submit("return ...", "hello")),
  assert(submit("local s = 0 for i = 1, ... do s = s + i end return s", 1000)),
  assert(submit("error('this job is broken', 0)")),
}
for _, number in ipairs(numbers) do
  local result = assert(done:take({ number, luats.boolean, luats.string }, { timeout = 10 }))
  print(("job %d %s: %s"):format(number, result[2] and "gave" or "failed", result[3]))
end
while stages < 3 * #numbers do alua.sleep(0.01) end
print(stages .. " messages on the way")
log:close()
jobs:destroy()

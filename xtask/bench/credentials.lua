-- wrk's script: every request is for the next of the lines in the file CREDENTIALS, each a path and a header line, at the
-- host HOST, with a body of BODY bytes if there are any. With ONCE, each line is shown once, and that is the end. Figures
-- come in one line.
local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int signal);")
local SIGINT = 2

local once = os.getenv("ONCE") ~= nil
local requests = {}
local turn = 0

function init()
  local bytes = tonumber(os.getenv("BODY"))
  local method, body = "GET", nil
  if bytes > 0 then
    method, body = "POST", string.rep("x", bytes)
  end
  for line in io.lines(os.getenv("CREDENTIALS")) do
    local path, name, value = line:match("^(%S+) ([^:]+): (.*)$")
    local headers = { ["Host"] = os.getenv("HOST"), [name] = value }
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
end

function request()
  turn = turn + 1
  if turn > #requests then
    turn = 1
    if once then
      -- wrk waits for the time that it was given, or for a signal.
      wrk.thread:stop()
      ffi.C.kill(ffi.C.getpid(), SIGINT)
    end
  end
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local faults = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("figures requests=%d micros=%d faults=%d p50=%d p99=%d p999=%d\n",
    summary.requests, summary.duration, faults,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end

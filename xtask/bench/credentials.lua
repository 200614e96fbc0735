-- wrk's script: every request has the next of the header lines in the file CREDENTIALS, and the host HOST; figures come
-- in one line at the end.
local requests = {}
local turn = 0

function init()
  for line in io.lines(os.getenv("CREDENTIALS")) do
    local number = #requests + 1
    local name, value = line:match("^([^:]+): (.*)$")
    local headers = { ["Host"] = os.getenv("HOST"), [name] = value }
    requests[number] = wrk.format("GET", "/orders/" .. number, headers)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local faults = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("figures requests=%d micros=%d faults=%d p50=%d p99=%d\n",
    summary.requests, summary.duration, faults, latency:percentile(50), latency:percentile(99)))
end

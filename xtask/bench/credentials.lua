-- wrk's script: every request shows the next of the tokens in the file TOKENS; figures come in one line at the end.
local requests = {}
local turn = 0

function init()
  for token in io.lines(os.getenv("TOKENS")) do
    local number = #requests + 1
    local headers = { ["Host"] = "orders.test", ["Authorization"] = "Bearer " .. token }
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

-- Asks Doorward about a request, for HAProxy has no question of its own: `http-request lua.doorward ADDRESS PORT SERVICE`.
--
-- Only a 200 is a permit. It sets `txn.doorward` to `permit`, and the rule after this one denies what has none: HAProxy goes on
-- after an error in Lua, so that an action alone would let through what it fails at. HAProxy's own HTTP client would ask again
-- when it waits in vain, and add headers that the caller has not sent; hence the socket.

-- How long Doorward may take to accept, and to answer, in seconds.
local PATIENCE = 2

-- The most bytes of an answer's body. Doorward's have a few hundred.
local MOST = 16384

-- What is between the caller and HAProxy alone, and what Doorward is told in (whatever the caller has sent there).
local KEPT_BACK = {
  ["connection"] = true, ["content-length"] = true, ["host"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true,
  ["x-original-for"] = true, ["x-original-host"] = true, ["x-original-method"] = true, ["x-original-proto"] = true,
  ["x-original-uri"] = true,
}

-- What the service is told, in place of whatever came under these names. Name yours (`services.<name>.identity`).
local TOLD = { "cookie", "doorward-identity", "x-forwarded-user", "x-request-id" }

-- What HAProxy writes itself in an answer.
local OF_THE_CONNECTION = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true }

local function question(txn, service)
  local lines = { "GET /check?service=" .. service .. " HTTP/1.1", "Host: doorward", "Connection: close" }
  local function add(name, value)
    lines[#lines + 1] = name .. ": " .. value
  end
  local came = txn.http:req_get_headers()
  for name, values in pairs(came) do
    if not KEPT_BACK[name] then
      -- HAProxy's lists begin at 0.
      for index = 0, #values do
        add(name, values[index])
      end
    end
  end
  add("X-Original-Method", txn.f:method())
  add("X-Original-Proto", txn.f:ssl_fc() == 1 and "https" or "http")
  add("X-Original-URI", txn.f:url())
  add("X-Original-For", txn.f:src())
  -- One host: Doorward refuses none, and two.
  for index = 0, came["host"] and #came["host"] or -1 do
    add("X-Original-Host", came["host"][index])
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Status, header lines and body of the answer; nothing when there is none in time.
local function ask(address, port, asked)
  local socket = core.tcp()
  socket:settimeout(PATIENCE)
  if not socket:connect(address, port) or not socket:send(asked) then
    return nil
  end
  local first = socket:receive("*l")
  local status = first and tonumber(first:match("^HTTP/1%.1 (%d%d%d)"))
  local headers, length = {}, 0
  while status do
    local line = socket:receive("*l")
    if not line then
      return nil
    end
    if line == "" then
      break
    end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    name = name and name:lower()
    if name == "content-length" then
      length = math.min(tonumber(value) or 0, MOST)
    elseif name then
      headers[#headers + 1] = { name, value }
    end
  end
  local body = status and length > 0 and socket:receive(length) or ""
  socket:close()
  return status, headers, body
end

core.register_action("doorward", { "http-req" }, function(txn, address, port, service)
  local status, headers, body = ask(address, tonumber(port), question(txn, service))
  if status == 200 then
    for _, name in ipairs(TOLD) do
      txn.http:req_del_header(name)
    end
    for _, header in ipairs(headers) do
      for _, name in ipairs(TOLD) do
        -- An empty `Cookie` says that none is left.
        if header[1] == name and header[2] ~= "" then
          txn.http:req_set_header(name, header[2])
        end
      end
    end
    txn:set_var("txn.doorward", "permit")
  elseif status and status >= 300 then
    local reply = txn:reply({ status = status, body = body })
    for _, header in ipairs(headers) do
      if not OF_THE_CONNECTION[header[1]] then
        reply:add_header(header[1], header[2])
      end
    end
    txn:done(reply)
  end
end, 3)

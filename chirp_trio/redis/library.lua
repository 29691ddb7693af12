#!lua name=chirp_trio_1
--[[
What chirp_trio does inside of the server, each call as a whole or not at all. Of a topic there are

  events  a stream; the entry of event 7 has the id 7-0
  meta    a hash: `epochs` ("0:name 58:other": from which number on ids begin with which name), `last` (the number of the newest
          event), `server` (what tells this life of the server from others), `version` (of this layout and of the records)

Numbers go on over epochs. Nobody who holds an id of an epoch that has lost events is taken for one who has had others.

One server may have processes of several versions. The newest of them puts this library there, and all use it: whatever is
changed here has to go on to work for older ones, or its functions and the library get other names.
]]

-- Raised with each change here: what tells a newer library from an older one.
local REVISION = 1
local NOBODY = '0000000000000000000000000000000000000000'
local VERSION = '1'
local MOST_EPOCHS = 64
local MOST_BYTES_IN_BELL = 8192

-- What tells a process of the server from all others: it stays the same for as long as this code is there.
local run

-- This life of the server, and whether it is one that was promoted: it may lack what its master had.
local function server()
  run = run or string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local before = string.match(redis.call('INFO', 'replication'), 'master_replid2:(%w+)')
  return run, before
end

-- Whether a restart may have lost what was acknowledged.
local function is_persistent()
  return string.find(redis.call('INFO', 'persistence'), 'aof_enabled:1', 1, true) ~= nil
end

-- The topic's epochs and newest number, in an epoch of this life of the server, and what tells that from others.
local function enter(events, meta, name, now)
  local run, before = server()
  local id = run .. before
  local found = redis.call('HMGET', meta, 'server', 'epochs', 'last', 'version')
  if found[4] and found[4] ~= VERSION then
    return redis.error_reply('CHIRP the topic was written by another version of chirp_trio')
  end
  if not found[1] then
    redis.call('DEL', events)
    redis.call('HSET', meta, 'server', id, 'epochs', '0:' .. name, 'last', 0, 'version', VERSION)
    return {'0:' .. name, 0, id}
  end
  local epochs, last = found[2], tonumber(found[3])
  if found[1] == id then
    return {epochs, last, id}
  end
  local is_restart = string.sub(found[1], 1, 40) ~= run
  if is_restart or before ~= NOBODY then
    epochs = epochs .. ' ' .. (last + 1) .. ':' .. name
    if select(2, string.gsub(epochs, ' ', ' ')) >= MOST_EPOCHS then
      epochs = string.gsub(epochs, '^%S+ ', '')
    end
    if before ~= NOBODY or not is_persistent() then
      last = last + 1
      redis.call('XADD', events, last .. '-0', 'kind', 'gap', 'data', '', 'at', now)
    end
  end
  redis.call('HSET', meta, 'server', id, 'epochs', epochs, 'last', last)
  return {epochs, last, id}
end

-- KEYS: events, meta. ARGV: a new name, the time in milliseconds.
local function look(keys, args)
  return enter(keys[1], keys[2], args[1], args[2])
end

-- What tells everybody that there are new events: with the events, as they would be read, where that is not much; so most
-- processes need not ask.
local function bell(name, first, number, now, args, at)
  local size = 0
  for place = at, #args do
    size = size + #args[place] + 8
  end
  if size > MOST_BYTES_IN_BELL then
    return name .. ' ' .. number
  end
  local parts = {'*' .. (number - first + 3) .. '\r\n'}
  local function add(word)
    parts[#parts + 1] = '$' .. #word .. '\r\n' .. word .. '\r\n'
  end
  add(name)
  add(tostring(first))
  while at <= #args do
    local count = tonumber(args[at])
    parts[#parts + 1] = '*' .. (count + 2) .. '\r\n'
    add('at')
    add(now)
    for place = at + 1, at + count do
      add(args[place])
    end
    at = at + 1 + count
  end
  return table.concat(parts)
end

-- Whether the rest of the arguments are events: to stop in the middle would leave the topic with half of a call.
local function are_events(args, at)
  while at <= #args do
    local count = tonumber(args[at])
    if not count or count < 2 or count % 2 == 1 or at + count > #args then
      return false
    end
    at = at + 1 + count
  end
  return at == #args + 1
end

-- KEYS: events, meta, result, and maybe the result of a call that has to have been made before. ARGV: the channel, a new name, the time in milliseconds, how many events are kept at least, for how
-- many milliseconds the result is, and for each event how many arguments follow that are its fields, and these.
-- Gives the name of the epoch and the number of the first event; the same again for the same key of the result.
local function publish(keys, args)
  local events, meta, result = keys[1], keys[2], keys[3]
  if result ~= '' then
    local known = redis.call('GET', result)
    if known then
      redis.call('SET', result, known, 'PX', args[5])  -- WAIT and WAITAOF wait only for what this connection has written
      local name, first = string.match(known, '^(%w+) (%d+)$')
      return {name, tonumber(first)}
    end
  end
  if #args < 6 or not are_events(args, 6) then
    return redis.error_reply('CHIRP each event is the number of its words, and so many words: names and values')
  end
  if keys[4] and redis.call('EXISTS', keys[4]) == 0 then
    return redis.error_reply('CHIRP_ORDER the call before this one has not been made')
  end
  local entered = enter(events, meta, args[2], args[3])
  if entered.err then
    return entered
  end
  local name, first = string.match(entered[1], ':(%w+)$'), entered[2] + 1
  local number, at = first - 1, 6
  while at <= #args do
    local count = tonumber(args[at])
    number = number + 1
    local next = at + 1 + count
    if next <= #args then
      redis.call('XADD', events, number .. '-0', 'at', args[3], unpack(args, at + 1, next - 1))
    else
      redis.call('XADD', events, 'MAXLEN', '~', args[4], number .. '-0', 'at', args[3], unpack(args, at + 1, next - 1))
    end
    at = next
  end
  redis.call('HSET', meta, 'last', number)
  if result ~= '' then
    redis.call('SET', result, name .. ' ' .. first, 'PX', args[5])
  end
  redis.call('PUBLISH', args[1], bell(name, first, number, args[3], args, 6))
  return {name, first}
end

local function tell_revision()
  return REVISION
end

redis.register_function{function_name = 'chirp_revision_1', callback = tell_revision, flags = {'no-writes', 'allow-stale'}}
redis.register_function{function_name = 'chirp_look_1', callback = look, flags = {'allow-oom'}}
redis.register_function('chirp_publish_1', publish)

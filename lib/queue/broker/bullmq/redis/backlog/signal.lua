-- KEYS[2] begins our keys. ARGV: encoded key, id, reason, time to live of the note, in milliseconds. The key, the id, or
-- both name the execution.
--
-- Returns id, place and task of the one that has not ended, and whether a replacement waits for its end. One that runs and
-- has no replacement is asked to stop: the note is there when the signal is heard.
--- @include "../jobs/_is-job"
--- @include "../jobs/_place-of"
local ours, key, reason = KEYS[2], ARGV[1], ARGV[3]
local ids = { ARGV[2] }
if key ~= '' then table.insert(ids, 1, redis.call('GET', jobs .. 'de:' .. key) or '') end
local is_replaced = key ~= '' and redis.call('HEXISTS', ours .. 'map:quiet:replacements', key) or 0
for _, id in ipairs(ids) do
  -- Somebody waits to be told: what runs is found with few commands.
  if id ~= '' and type(redis.pcall('LPOS', jobs .. 'active', id)) == 'number' then
    if is_replaced == 0 then
      redis.call('SET', ours .. 'cancel:' .. id, reason, 'PX', ARGV[4], 'NX')
      redis.call('PUBLISH', ours .. 'signals', cjson.encode({ type = 'cancel', id = id }))
    end
    return { id, 'active', '', is_replaced }
  end
  local place = id ~= '' and isJob(id) and placeOf(id, LONGEST_LOOK) or 'unknown'
  if place ~= 'unknown' and place ~= 'completed' and place ~= 'failed' then
    return { id, place, redis.call('HGET', jobs .. id, 'name') or '', is_replaced }
  end
end
return { '', '', '', is_replaced }

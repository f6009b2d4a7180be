-- Puts values that BullMQ's scripts and readers take in the place of those that they do not: they stop in the middle at a
-- number, or at JSON, that is none. KEYS: jobs. Returns the positions of those that were damaged, from 1.
local damaged = {}
for at, key in ipairs(KEYS) do
  local is_damaged = false
  if redis.call('TYPE', key)['ok'] ~= 'hash' then
    redis.call('DEL', key)
    redis.call('HSET', key, 'ats', '1')
    is_damaged = true
  end
  for _, field in ipairs({ 'ats', 'atm', 'attemptsMade', 'stc', 'priority', 'delay', 'processedOn', 'finishedOn' }) do
    local value = redis.call('HGET', key, field)
    if value and (not string.match(value, '^%-?%d+$') or #value > 15) then
      redis.call('HSET', key, field, '0')
      is_damaged = true
    end
  end
  for field, safe in pairs({ opts = '{}', progress = '0' }) do
    local value = redis.call('HGET', key, field)
    if value then
      local is_json, parsed = pcall(cjson.decode, value)
      if not is_json or (field == 'opts' and type(parsed) ~= 'table') then
        redis.call('HSET', key, field, safe)
        is_damaged = true
      end
    end
  end
  local parent = redis.call('HGET', key, 'parent')
  if parent and not pcall(cjson.decode, parent) then
    redis.call('HDEL', key, 'parent', 'parentKey')
    is_damaged = true
  end
  if is_damaged then table.insert(damaged, at) end
end
return damaged

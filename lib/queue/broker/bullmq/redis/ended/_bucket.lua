-- By key, the id of the last job that has ended under it: in small hashes, which take a fifth of the memory of a key for each.
-- Entries go with their jobs. Earlier versions keep texts instead: one that has the name of a bucket gives way.
local function bucketOf(key)
  local bucket = KEYS[2] .. 'ended:' .. string.sub(redis.sha1hex(key), 1, 3)
  if redis.call('TYPE', bucket).ok == 'string' then redis.call('DEL', bucket) end
  return bucket
end

-- By key, the id of the last job that has ended under it: in small hashes, which take a fifth of the memory of a key for each.
-- Entries go with their jobs.
local function bucketOf(key)
  return KEYS[2] .. 'ended:' .. string.sub(redis.sha1hex(key), 1, 3)
end

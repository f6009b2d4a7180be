-- KEYS: versions, map, map that the entry owns if any. ARGV: name, new version (empty in a quiet map), field, expected value
-- if any.
if ARGV[4] and redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
if KEYS[3] then redis.call('DEL', KEYS[3]) end
if redis.call('HDEL', KEYS[2], ARGV[3]) == 0 then return 0 end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1

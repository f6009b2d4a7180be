-- KEYS: versions, map, map of the owner if any. ARGV: name, new version (empty in a quiet map), field, value, field of the
-- owner.
if KEYS[3] and redis.call('HEXISTS', KEYS[3], ARGV[5]) == 0 then return 0 end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])

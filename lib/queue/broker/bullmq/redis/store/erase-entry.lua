-- KEYS: versions, book. ARGV: name, version, field, expected value if any.
if ARGV[4] and redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
if redis.call('HDEL', KEYS[2], ARGV[3]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1

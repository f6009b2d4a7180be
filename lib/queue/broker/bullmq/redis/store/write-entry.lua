-- A new version goes with each change. KEYS: versions, book, book of the owner. ARGV: name, version, field, value, field of the owner.
if ARGV[5] ~= '' and redis.call('HEXISTS', KEYS[3], ARGV[5]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])

-- The entry that owns the book goes with it. KEYS: versions, book, book of the owner. ARGV: name, name of the owner, its field, version.
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('HDEL', KEYS[3], ARGV[3]) == 1 then redis.call('HSET', KEYS[1], ARGV[2], ARGV[4]) end
return 1

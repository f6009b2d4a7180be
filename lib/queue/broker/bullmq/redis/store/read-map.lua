-- KEYS: versions, map. ARGV: name of the map, version. Returns nothing when the version is the one that is known.
local version = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if version == ARGV[2] then return false end
return { version, redis.call('HGETALL', KEYS[2]) }

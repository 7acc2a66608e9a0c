// Lua that Redis runs, each script at once: nobody else's command comes in between.

/**
 * Answers any number of questions, each all or nothing over its counters: whether it is refused (1), then of each limit
 * what remains and the milliseconds until its window ends. Of a question the arguments are the number of its limits,
 * and of each the maximum and the window. Redis keeps the ends of windows by its wall clock: one that is further away
 * than a window is long was set before the clock went back.
 */
export const TAKE = `
local answers, key, arg = {}, 1, 1
while key <= #KEYS do
  local last, refused = key + tonumber(ARGV[arg]) - 1, 0
  for i = key, last do
    if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[arg + 2 * (i - key) + 1]) then refused = 1 end
  end
  answers[#answers + 1] = refused
  for i = key, last do
    local max, window = tonumber(ARGV[arg + 2 * (i - key) + 1]), tonumber(ARGV[arg + 2 * (i - key) + 2])
    local count = refused == 0 and redis.call('INCR', KEYS[i]) or tonumber(redis.call('GET', KEYS[i]) or '0')
    local left = redis.call('PTTL', KEYS[i])
    if left < 0 or left > window then
      left = window
      if count > 0 then redis.call('PEXPIRE', KEYS[i], left) end
    end
    answers[#answers + 1] = math.max(0, max - count)
    answers[#answers + 1] = left
  end
  arg = arg + 2 * (last - key + 1) + 1
  key = last + 1
end
return answers`

/** Notes that an instance is alive and answers how many are. */
export const HEARTBEAT = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZADD', KEYS[1], ms, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])`

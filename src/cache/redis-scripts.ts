/**
 * The Lua scripts: each is one step that nobody comes between. Those of a lease have the value as `KEYS[1]` and its lease as
 * `KEYS[2]`, whose text is the holder's token and then what his load stands on.
 */
import { createHash } from 'node:crypto';
import type { ChainableCommander } from 'ioredis';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/**
 * `ARGV`: the token, what the load stands on, the lease's life, the head of the value that was seen, the token of the lease
 * that is taken over. Something else at one of the keys is nothing, and so is a value that has no end, or a lease that ends
 * later than leases do. Whoever has seen something that is no entry (`*`) is given an entry.
 */
export const acquireScript = script(`
  local value = redis.pcall('GET', KEYS[1])
  local text = type(value) == 'string' and value or ''
  local seen = ARGV[4]
  local isOther = seen == '' or string.sub(text, 1, #seen) ~= seen
  if seen == '*' then isOther = string.find(text, '^{"id":"' .. string.rep('[%w_-]', 16) .. '"') end
  if type(value) == 'string' and isOther then
    local remaining = redis.call('PTTL', KEYS[1])
    if remaining > 0 then return {'value', value, remaining} end
  end
  local lease = redis.pcall('GET', KEYS[2])
  local life = redis.call('PTTL', KEYS[2])
  if life < 0 or life > 2 * ARGV[3] then lease = nil end
  if lease == 'open' then return {'open'} end
  local holder = type(lease) == 'string' and string.sub(lease, 1, #ARGV[1]) or ''
  if holder ~= '' and holder ~= ARGV[1] and holder ~= ARGV[5] then return {'taken', lease} end
  redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
  return {'held'}`);

const heldOnly = `
  local lease = redis.pcall('GET', KEYS[2])
  if type(lease) ~= 'string' or string.sub(lease, 1, #ARGV[1]) ~= ARGV[1] then return 0 end`;

/**
 * `ARGV`: the token, the value's text, the time of its end. 1: stored. Where the server has no room for the value the lease
 * ends all the same, so that nobody waits for it.
 */
export const fillScript = script(`${heldOnly}
  local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
  redis.call('DEL', KEYS[2])
  if stored.err then return stored end
  return 1`);

/** `ARGV`: the token, the lease's life. */
export const renewScript = script(`${heldOnly}
  return redis.call('PEXPIRE', KEYS[2], ARGV[2])`);

/** `ARGV`: the token, for how long the lease stays open; 0: it goes. */
export const releaseScript = script(`${heldOnly}
  if ARGV[2] == '0' then return redis.call('DEL', KEYS[2]) end
  redis.call('SET', KEYS[2], 'open', 'PX', ARGV[2])
  return 1`);

/** `ARGV`: of each key the head and the length of the text that is to be there. What is left of its life, or else -2. */
export const confirmScript = script(`
  local lives = {}
  for i, key in ipairs(KEYS) do
    local head = ARGV[2 * i - 1]
    local isThere = redis.pcall('GETRANGE', key, 0, #head - 1) == head
    isThere = isThere and redis.pcall('STRLEN', key) == tonumber(ARGV[2 * i])
    lives[i] = isThere and redis.call('PTTL', key) or -2
  end
  return lives`);

/** A run of a script, which the server knows by its hash, or does not know (yet, any more). */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly isKnown: boolean;
}

/** Puts a run of `script` into a pipeline. */
export function addScript(
  commands: ChainableCommander,
  { text, sha1 }: Script,
  { keys, args, isKnown }: ScriptCall,
): ChainableCommander {
  const keysAndArgs = [keys.length, ...keys, ...args] as const;
  return isKnown ? commands.evalsha(sha1, ...keysAndArgs) : commands.eval(text, ...keysAndArgs);
}

/** In the slot of the value, in a Cluster; the value's own key has no braces, so that people can read it. */
export function leaseKey(key: string): string {
  return `{${key}}:lease`;
}

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/**
 * The properties of values in Redis: a hash beside the entry, with one field for each property, and three of its own: the id of the
 * entry, the names of the properties in their order, which a hash does not keep, and the number of properties and names. A hash
 * whose id is not that of the entry is of no use: one of the two keys has been evicted, or a value without properties was stored
 * since. The next load replaces it, or it expires.
 *
 * Foreign content at the key of a hash has no such id, so it is not read, whatever its size.
 *
 * Source: https://redis.io/docs/latest/develop/data-types/hashes/
 */
import { propertiesMax, type PropertyTexts } from '../../entry/properties.ts';
import type { AskBatch } from './batch.ts';
import type { RedisConnection } from './connection.ts';
import {
  changeKey,
  endAfter,
  firstBytes,
  leaseKey,
  noteChange,
  script,
  textBytesMax,
  unchangedOnly,
  type ScriptCall,
} from './scripts.ts';
import type { Store, StoreRead, UnleasedWrite } from '../store.ts';
import { replacedKey } from './tracking.ts';

/** `{"id":"`, the id, and `"`: what `entryIdOf` returns. */
const entryIdChars = 24;
const idField = '!id';
const namesField = '!names';
const countField = '!count';
/** Stands for the id of a change, of which there is none like this. */
const anyChange = '*';
const ownFields = [idField, namesField, countField];

/**
 * `KEYS`: the value, its hash. `ARGV`: `all`, or `some` and the fields. Returns the text, its remaining life and, if the hash has the id
 * of the entry and as many fields as were stored, the fields: names and texts in turn for `all`, texts in the order of `ARGV` for `some`.
 */
const readScript = script(`
  local text = redis.pcall('GETRANGE', KEYS[1], 0, ${firstBytes - 1})
  if type(text) ~= 'string' then return {} end
  local isEntry = string.find(text, '^{"id":"' .. string.rep('[%w_-]', 16) .. '"')
  if isEntry and #text == ${firstBytes} then
    if redis.call('STRLEN', KEYS[1]) > ${textBytesMax} then
      redis.call('UNLINK', KEYS[1])
      return {}
    end
    text = redis.call('GET', KEYS[1])
  end
  local remaining = redis.call('PTTL', KEYS[1])
  local id = redis.pcall('HGET', KEYS[2], '${idField}')
  if not isEntry or id ~= string.sub(text, 1, ${entryIdChars}) then return {text, remaining} end
  if not ${isUnchanged('KEYS[2]')} then return {text, remaining} end
  if ARGV[1] == 'all' then return {text, remaining, redis.call('HGETALL', KEYS[2])} end
  if #ARGV == 1 then return {text, remaining, {}} end
  return {text, remaining, redis.call('HMGET', KEYS[2], unpack(ARGV, 2))}`);

/**
 * `KEYS`: the value, its lease, its hash, the change. `ARGV`: the id of the change before the load, for a value without a lease; the text;
 * the time at which it expires; the id of the lease, or empty; fields and texts in turn, the names among them. Returns 1 if it was
 * stored. If the server has no room, the lease ends nevertheless. The text is stored first: once a script has written, Redis lets it
 * write more although its memory is full.
 */
export const storeScript = script(`
  if ARGV[4] ~= '' then
    if redis.pcall('GETRANGE', KEYS[2], 0, #ARGV[4] - 1) ~= ARGV[4] then return 0 end
  elseif ARGV[1] ~= '${anyChange}' then
    ${unchangedOnly('KEYS[4]')}
  end
  local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
  redis.call('DEL', KEYS[2])
  if stored.err then return stored end
  redis.call('UNLINK', KEYS[3])
  local id, count = string.sub(ARGV[2], 1, ${entryIdChars}), (#ARGV - 4) / 2
  redis.call('HSET', KEYS[3], '${idField}', id, '${countField}', count, unpack(ARGV, 5))
  redis.call('PEXPIREAT', KEYS[3], ARGV[3])
  return 1`);

/**
 * `KEYS` as in `storeScript`, and the report. `ARGV`: the beginning of the entry's new text, the field, its text, and the time until which it is replaced:
 * a property that arrives later may be older than the value. Returns 1 if it was replaced. The stamps in the text and the expiries are those
 * from before, so this cannot make a value valid, or live longer.
 */
const replaceScript = script(`
  local time = redis.call('TIME')
  if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[4]) then return 0 end
  local id = redis.pcall('HGET', KEYS[3], '${idField}')
  if type(id) ~= 'string' or #id ~= ${entryIdChars} then return 0 end
  if redis.pcall('GETRANGE', KEYS[1], 0, ${entryIdChars - 1}) ~= id then return 0 end
  if not ${isUnchanged('KEYS[3]')} or redis.call('HEXISTS', KEYS[3], ARGV[2]) == 0 then return 0 end
  if #ARGV[3] > redis.call('HSTRLEN', KEYS[3], ARGV[2]) then
    local bytes = redis.call('STRLEN', KEYS[1]) + #ARGV[3] - redis.call('HSTRLEN', KEYS[3], ARGV[2])
    for _, name in ipairs(redis.call('HKEYS', KEYS[3])) do
      bytes = bytes + #name + redis.call('HSTRLEN', KEYS[3], name)
    end
    if bytes > ${textBytesMax} then return 0 end
  end
  local text = ARGV[1] .. string.sub(redis.call('GET', KEYS[1]), ${entryIdChars + 1})
  local stored = redis.pcall('SET', KEYS[1], text, 'KEEPTTL')
  if stored.err then return stored end
  redis.call('HSET', KEYS[3], '${idField}', ARGV[1], ARGV[2], ARGV[3])
  redis.call('DEL', KEYS[2])
  ${noteChange('KEYS[4]', 'KEYS[5]')}
  return 1`);

/** Whether a hash has as many fields as were stored: none has been removed, or added by another program. */
function isUnchanged(hash: string): string {
  return `(tonumber(redis.call('HGET', ${hash}, '${countField}') or 0) == redis.call('HLEN', ${hash}) - 2)`;
}

interface PropertiesParts {
  readonly tokenPrefix: string;
  readonly inBatch: AskBatch;
  readonly connection: Pick<RedisConnection, 'wrote' | 'knownServerNowMs' | 'serverNowMs'>;
  /** After twice this time, nothing waits for a reply any more. */
  readonly deadlineMs: number;
}

export function redisProperties({
  inBatch,
  connection: { wrote, knownServerNowMs, serverNowMs },
  deadlineMs,
  tokenPrefix,
}: PropertiesParts): Required<Pick<Store, 'readProperties' | 'replaceProperty'>> {
  return {
    readProperties: (key, tags, names) =>
      inBatch((batch, isKnown) => {
        const isAll = names === 'all' || names.length > propertiesMax;
        const args = isAll ? ['all'] : ['some', ...names.map(fieldOf)];
        const call = { keys: [key, propertiesKey(key)], args, isKnown };
        const reply = batch.script(readScript, call, `properties ${key} ${JSON.stringify(args)}`);
        const tokens = batch.tokens(tags);
        return () => readOf(reply() as ReadReply, isAll ? 'all' : names, tokens());
      }),

    async replaceProperty(key, { name, text, entryId }) {
      const untilMs = endAfter(2 * deadlineMs, knownServerNowMs() ?? (await serverNowMs()));
      return await inBatch((batch, isKnown) => {
        const keys = [key, leaseKey(key), propertiesKey(key), changeKey(key), replacedKey(tokenPrefix, key)];
        const reply = batch.script(replaceScript, { keys, args: [entryId, fieldOf(name), text, untilMs], isKnown });
        return () => {
          const isReplaced = reply() === 1;
          if (isReplaced) wrote();
          return isReplaced;
        };
      });
    },
  };
}

/** The call that stores a value with its properties, under a lease or without one. */
export function storeCall(
  key: string,
  {
    text,
    properties,
    endMs,
    lease = '',
    changeId = anyChange,
  }: Pick<UnleasedWrite, 'text' | 'changeId'> & { properties: PropertyTexts; endMs: number; lease?: string },
): Omit<ScriptCall, 'isKnown'> {
  const fields = [namesField, JSON.stringify([...properties.keys()])];
  for (const [name, value] of properties) fields.push(fieldOf(name), value);
  const keys = [key, leaseKey(key), propertiesKey(key), changeKey(key)];
  return { keys, args: [changeId, text, endMs, lease, ...fields] };
}

/** In the slot of its value, as the lease is. */
export function propertiesKey(key: string): string {
  return `{${key}}:fields`;
}

/** Whether `key` is that of a hash, in this namespace. */
export function isPropertiesKey(key: string, namespace: string): boolean {
  return key.startsWith(`{${namespace}:`) && key.endsWith('}:fields');
}

/** No property has the name of one of the hash's own fields. One that UTF-8 cannot express is never stored, and finds none. */
function fieldOf(name: string): string {
  if (/\p{Surrogate}/u.test(name)) return `!?${name}`;
  return name.startsWith('!') ? `!${name}` : name;
}

type ReadReply = readonly [text?: string, remainingMs?: number, fields?: readonly (string | null)[]];

function readOf(
  [text, remainingMs = 0, fields]: ReadReply,
  names: readonly string[] | 'all',
  tokens: StoreRead['tokens'],
): StoreRead {
  if (text === undefined || remainingMs <= 0) return { text: undefined, remainingMs: 0, tokens };
  if (fields === undefined) return { text, remainingMs, tokens };
  const properties = names === 'all' ? allIn(fields) : someIn(fields, names);
  return { text, remainingMs, tokens, properties };
}

/** @param fields The whole hash: names and texts in turn. */
function allIn(fields: readonly (string | null)[]): PropertyTexts | undefined {
  const texts = new Map<string, string>();
  for (let index = 0; index < fields.length; index += 2) texts.set(fields[index] ?? '', fields[index + 1] ?? '');
  const names = namesIn(texts.get(namesField));
  const properties = new Map<string, string>();
  for (const name of names) {
    const text = texts.get(fieldOf(name));
    if (text !== undefined) properties.set(name, text);
  }
  const isComplete = properties.size === names.length && properties.size + ownFields.length === texts.size;
  return isComplete ? properties : undefined;
}

function namesIn(text = '[]'): readonly string[] {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return []; // it was overwritten
  }
}

function someIn(fields: readonly (string | null)[], names: readonly string[]): PropertyTexts {
  const properties = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const text = fields[index];
    if (typeof text === 'string') properties.set(name, text);
  }
  return properties;
}

// Whatever another program leaves at the keys of the cache: no request fails because of it, each receives its own value, and the next one
// finds a good entry.
import { gzipSync } from 'node:zlib';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { newWorld, redisClient, times } from './world.ts';

const valuesMax = Number(process.env['VALUES'] ?? 10_000);
const batchSize = 2_000;

/** Makes something else of an entry. `at` is from 0 to 1, and differs for each key. */
type Damage = (good: string, at: number) => string | Buffer;

const replaced =
  (pattern: RegExp | string, by: string): Damage =>
  (good) =>
    good.replace(pattern, () => by);

const damages: readonly Damage[] = [
  // truncated, cut out, repeated, reversed
  (good, at) => good.slice(0, Math.floor(at * good.length)),
  (good, at) => good.slice(0, -1 - Math.floor(at * 20)),
  (good, at) => good.slice(1 + Math.floor(at * 20)),
  (good, at) => good.slice(0, 60) + good.slice(61 + Math.floor(at * 200)),
  (good) => good + good,
  (good) => good.split('').toReversed().join(''),
  // foreign
  () => '',
  (_good, at) => String(at),
  () => 'null',
  () => '[]',
  () => '<html><body>502 Bad Gateway</body></html>',
  (good) => JSON.stringify({ data: good }),
  (good) => gzipSync(good, { level: 1 }),
  (good) => Buffer.from(good, 'utf16le'),
  (_good, at) => Buffer.from(times(64, (index) => (at * 2 ** 40 * (index + 1)) % 256)),
  (good) => good.replace(/"key":"[^"]*"/, '"key":"another:key"'),
  // of the wrong type
  ...['1', 'null', '[]', '{}', '"a"', 'true', '1e999', '-1'].flatMap((json) => [
    replaced(/"key":"[^"]*"/, `"key":${json}`),
    replaced(/"id":"[^"]*"/, `"id":${json}`),
    replaced(/"stamps":\{[^}]*\}/, `"stamps":${json}`),
    replaced(/(?<="stamps":\{"\*":)"[^"]*"/, json),
  ]),
  ...['"60000"', 'null', '[]', '{}', 'true', '-1', '1'].map((json) => replaced(/"freshMs":\d+/, `"freshMs":${json}`)),
  ...['"1"', 'null', '[]'].map((json) => replaced('"loadMs":0', `"loadMs":${json}`)),
  ...['"1"', 'null', '[]'].map((json) => replaced('"loadMs":', `"staleMs":${json},"loadMs":`)),
  // values that no encoder writes
  replaced('"value":', '"values":'),
  ...[
    ...['{"$":1}', '{"$":"Money","value":1}', '{"$":"bigint","value":"x"}', '{"$":"Map","value":1}'],
    ...['{"$":"Set","value":{}}', '{"$":"ref","value":0}', '{"$":"ref","value":"length"}', '{"$":"ref","value":-1}'],
    ...['{"$":"codec","value":["Decimal","1"]}', '{"$":"codec","value":["__proto__",{}]}', '{"$":"codec","value":1}'],
    ...['{"$":"null-prototype","value":1}', '{"$":"object","value":null}', '{"$":{"$":"$"}}', '{"$":"__proto__"}'],
    ...['{"$":"null-prototype","value":[]}', '{"$":"object","value":1}', '{"$":"object","value":{}}', '{"$":"number"}'],
    ...['{"$":"number","value":"1"}', '{"$":"number","value":null}', '{"$":"bigint","value":""}', '{"$":"Map"}'],
    ...['{"$":"bigint","value":"0x1"}', '{"$":"bigint","value":" 1"}', '{"$":"bigint","value":1}', '{"$":"Set"}'],
    ...['{"$":"Map","value":"ab"}', '{"$":"Map","value":[["a"]]}', '{"$":"Map","value":["ab"]}', '{"$":"undefined"}'],
    ...['{"$":"Set","value":"ab"}', '{"$":"Date","value":"x"}', '{"$":"Date","value":"2026"}', '{"$":"Date"}'],
    ...['{"$":"Date","value":0}', '{"$":"Buffer","value":"?"}', '{"$":"Buffer","value":"YQ"}', '{"$":"Buffer"}'],
    ...['{"$":"Uint8Array","value":[1]}', '{"$":"Uint8Array","value":"YQ==YQ=="}', '{"$":"undefined","value":1}'],
  ].map((json) => replaced('"value":', `"value":${json},"was":`)),
  replaced('"value":', `"value":${'['.repeat(9_000)}{"$":1}${']'.repeat(9_000)},"was":`),
  // the wrong stamps
  replaced('"*"', '"__proto__"'),
  replaced('"*"', '"constructor"'),
  replaced(/(?<="\*":")[^"]*/, 'another'),
];

/** Other types of Redis, and entries that live longer than they were given. */
const foreignTypes: readonly ((client: ReturnType<Redis['pipeline']>, key: string, good: string) => unknown)[] = [
  (client, key) => client.hset(key, 'field', 'value'),
  (client, key) => client.rpush(key, 'a', 'b'),
  (client, key) => client.sadd(key, 'a'),
  (client, key) => client.zadd(key, 1, 'a'),
  (client, key) => client.xadd(key, '*', 'a', '1'),
  (client, key) => client.pfadd(key, 'a'),
  (client, key) => client.setbit(key, 4_000, 1),
  (client, key, good) => client.set(key, good),
  (client, key, good) => client.set(key, good, 'PX', 3_600_000),
];

it(`${valuesMax.toLocaleString('en')} damaged values fail no request, and are replaced`, async () => {
  const { cache, fetch, trace } = await newWorld('redis');
  const client = await redisClient();
  await fetch({ args: { id: -1 } });
  const { text: firstKey } = cache.key({ field: 'Query.field', args: { id: -1 } });
  const template = (await client.get(firstKey)) ?? '';
  const goodOf = (key: string): string => template.replace(firstKey, key).replace('"value":"value"', '"value":"old"');
  trace.take();

  const failures: unknown[] = [];
  const wrong: unknown[] = [];
  let repaired = 0;
  for (let first = 0; first < valuesMax; first += batchSize) {
    const ids = times(batchSize, (index) => first + index);
    const keys = ids.map((id) => cache.key({ field: 'Query.field', args: { id } }).text);
    const damaging = client.pipeline();
    for (const [index, key] of keys.entries()) {
      const kind = (first + index) % (damages.length + foreignTypes.length);
      const good = goodOf(key);
      const damage = damages[kind];
      if (damage === undefined) foreignTypes[kind - damages.length]?.(damaging, key, good);
      else damaging.set(key, damage(good, ((first + index) * 0.618_033_988_749) % 1), 'PX', 60_000);
    }
    await damaging.exec();
    const fetched = await Promise.allSettled(ids.map((id) => fetch({ args: { id }, load: () => `new ${id}` })));
    for (const [index, result] of fetched.entries()) {
      if (result.status === 'rejected') failures.push(result.reason);
      else if (result.value !== `new ${ids[index]}`) wrong.push([ids[index], result.value]);
    }
    const texts = await client.mget(keys);
    for (const [index, text] of texts.entries()) {
      const entry = JSON.parse(text ?? '{}') as { key?: unknown; value?: unknown };
      repaired += Number(entry.key === keys[index] && entry.value === `new ${ids[index]}`);
    }
    await client.unlink(keys);
    trace.events.length = 0;
  }
  expect(failures).toEqual([]);
  expect(wrong).toEqual([]);
  expect(repaired).toBe(valuesMax);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

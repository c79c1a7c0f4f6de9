/**
 * The upper bound of `node:http`: it reads the body, looks up the response by its text, in memory or with one GET, and
 * sends it. `ANSWERS` is a file with the pairs of body and response, and the response to every other body.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { env } from 'node:process';
import { Redis } from 'ioredis';

const texts = JSON.parse(await readFile(env.ANSWERS, 'utf8'));
// A buffer has a known length, and is written without encoding.
const pairs = texts.pairs.map(([body, answer]) => [body, Buffer.from(answer)]);
const otherwise = Buffer.from(texts.otherwise);
const respond = env.CACHE === 'redis' ? await inRedis() : inMemory();

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => respond(Buffer.concat(chunks).toString(), response));
}).listen(Number(env.PORT), '127.0.0.1');

function inMemory() {
  const answers = new Map(pairs);
  return (body, response) => send(response, answers.get(body) ?? otherwise);
}

async function inRedis() {
  const redis = new Redis(env.REDIS_URL, { enableAutoPipelining: true });
  for (const [body, answer] of pairs) await redis.set(body, answer);
  return (body, response) => void redis.getBuffer(body).then((answer) => send(response, answer ?? otherwise));
}

function send(response, answer) {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': answer.length };
  response.writeHead(200, headers).end(answer);
}

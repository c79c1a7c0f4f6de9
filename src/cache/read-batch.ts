/**
 * The reads of one tick in one round trip: an operation with fifty cached fields asks Redis once.
 *
 * A batch is sent when all that is under way in this tick has had its turn, as DataLoader does it: whoever reads in the
 * same tick, or in a microtask of it, is on board. All that is asked for is read after he who asks has come.
 */
import { replyOf, type RedisConnection, type Reply } from './redis-connection.ts';
import type { Store } from './store.ts';

/** Keys and tags of one batch; the next one goes along in a batch of its own. */
const batchMax = 1_000;

interface Answer {
  /** Text and remaining life of each key, in the order of the keys. */
  readonly replies: readonly Reply[];
  readonly tokens: readonly (string | undefined)[];
}

interface Batch {
  /** With their places in the answer. */
  readonly keys: Map<string, number>;
  readonly tags: Map<string, number>;
  readonly answer: Promise<Answer>;
}

export interface BatchParts {
  readonly connection: Pick<RedisConnection, 'redis' | 'runEach'>;
  readonly tokenKey: (tag: string) => string;
  /** What MGET answers, without the tokens of other runs. */
  readonly tokensIn: (reply: unknown) => Promise<(string | undefined)[]>;
}

/** `read` and `tokens` of a store. One key's fault does not reach those who read another. */
export function batchReads({ connection, tokenKey, tokensIn }: BatchParts): Pick<Store, 'read' | 'tokens'> {
  let boarding: Batch | undefined;

  const board = (): Batch => {
    if (boarding !== undefined && boarding.keys.size + boarding.tags.size < batchMax) return boarding;
    const [keys, tags] = [new Map<string, number>(), new Map<string, number>()];
    const answer = endOfTick().then(() => {
      if (boarding === batch) boarding = undefined;
      return send(batch);
    });
    const batch: Batch = { keys, tags, answer };
    return (boarding = batch);
  };

  const send = async ({ keys, tags }: Batch): Promise<Answer> => {
    const commands = connection.redis.pipeline();
    for (const key of keys.keys()) commands.get(key).pttl(key);
    // Last, so that the tokens are not older than the values.
    if (tags.size > 0) commands.mget([...tags.keys()].map(tokenKey));
    const replies = await connection.runEach(commands);
    return { replies, tokens: tags.size === 0 ? [] : await tokensIn(replyOf(replies.at(-1))) };
  };

  return {
    async read(key, tags) {
      const batch = board();
      const place = 2 * placeOf(key, batch.keys);
      const tokenPlaces = tags.map((tag) => placeOf(tag, batch.tags));
      const { replies, tokens } = await batch.answer;
      const [text, remainingMs] = [replyOf(replies[place]), replyOf(replies[place + 1])];
      const isAlive = typeof text === 'string' && typeof remainingMs === 'number' && remainingMs > 0;
      return {
        text: isAlive ? text : undefined,
        remainingMs: isAlive ? remainingMs : 0,
        tokens: tokenPlaces.map((at) => tokens[at]),
      };
    },

    async tokens(tags) {
      const batch = board();
      const places = tags.map((tag) => placeOf(tag, batch.tags));
      const { tokens } = await batch.answer;
      return places.map((at) => tokens[at]);
    },
  };
}

function placeOf(name: string, places: Map<string, number>): number {
  const place = places.get(name) ?? places.size;
  places.set(name, place);
  return place;
}

function endOfTick(): Promise<void> {
  return new Promise((resolve) => {
    void Promise.resolve().then(() => process.nextTick(resolve));
  });
}

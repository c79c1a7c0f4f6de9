/**
 * What is asked for in one turn of the event loop, in one round trip: an operation with fifty cached fields asks Redis
 * once, and so do fifty requests whose loads have ended together. What several ask for is asked for once.
 *
 * The tokens are read last. So they are never older than the values that are read with them, and what a write says of
 * them was true after it.
 */
import type { ChainableCommander } from 'ioredis';
import { replyOf, type RedisConnection, type Reply } from './redis-connection.ts';
import { addScript, confirmScript, type Script, type ScriptCall } from './redis-scripts.ts';
import type { EntryMark } from './store.ts';
import { endOfTurn } from './turn.ts';

/** Commands and tags that fill a batch; the next caller's go along in a batch of their own. One caller's stay together. */
const batchMax = 2_000;

export interface BatchParts {
  readonly connection: Pick<RedisConnection, 'redis' | 'runEach' | 'runId'>;
  readonly tokenKey: (tag: string) => string;
}

/** Gives the batch that is open: what is asked of it without an `await` in between goes in one round trip. */
export function batchCalls(parts: BatchParts): () => Batch {
  let open: Batch | undefined;
  return () => {
    if (open !== undefined && open.size < batchMax) return open;
    const close = async (): Promise<void> => {
      await endOfTurn();
      if (open === batch) open = undefined;
    };
    const batch = new Batch(parts, close());
    return (open = batch);
  };
}

type Token = string | undefined;

interface BatchReplies {
  readonly replies: readonly Reply[];
  /** What `confirmScript` gives of all entries that are asked about. */
  readonly lives: Reply;
  /** In the order in which the tags came; a function that throws where Redis does not let us read one. */
  readonly tokens: readonly (() => Token)[];
}

const noLives: Reply = [null, []];

export class Batch {
  readonly #parts: BatchParts;
  readonly #commands: ChainableCommander;
  readonly #byName = new Map<string, Promise<unknown[]>>();
  readonly #sentTexts = new Set<Script>();
  readonly #marks: EntryMark[] = [];
  /** With their places in the answer. */
  readonly #tags = new Map<string, number>();
  readonly #answer: Promise<BatchReplies>;

  /** @param closed Nothing comes to it any more. */
  constructor(parts: BatchParts, closed: Promise<void>) {
    this.#parts = parts;
    this.#commands = parts.connection.redis.pipeline();
    this.#answer = closed.then(() => this.#send());
    this.#answer.catch(() => {}); // said to each who waits for it
  }

  get size(): number {
    return this.#commands.length + this.#marks.length + this.#tags.size;
  }

  /** The answers to the commands that `add` adds; rejects with the first fault among them. */
  async run(add: (commands: ChainableCommander) => unknown): Promise<unknown[]> {
    const first = this.#commands.length;
    add(this.#commands);
    const end = this.#commands.length;
    const { replies } = await this.#answer;
    return replies.slice(first, end).map(replyOf);
  }

  /** The same, run once for all who name it alike. */
  once(name: string, add: (commands: ChainableCommander) => unknown): Promise<unknown[]> {
    const answers = this.#byName.get(name) ?? this.run(add);
    this.#byName.set(name, answers);
    return answers;
  }

  /** What `script` gives. Its text is sent once where the server does not know it, and by its hash from then on. */
  async script(script: Script, { isKnown, ...call }: ScriptCall): Promise<unknown> {
    const isSent = isKnown || this.#sentTexts.has(script);
    if (!isSent) this.#sentTexts.add(script);
    const [reply] = await this.run((commands) => addScript(commands, script, { ...call, isKnown: isSent }));
    return reply;
  }

  /** What is left of the lives of these entries, as `confirmScript` tells: one run of it for all who ask. */
  async confirm(marks: readonly EntryMark[], isKnown: boolean): Promise<readonly number[]> {
    if (!isKnown) this.#sentTexts.add(confirmScript);
    const first = this.#marks.length;
    this.#marks.push(...marks);
    const { lives } = await this.#answer;
    return (replyOf(lives) as number[]).slice(first, first + marks.length);
  }

  /** The tokens of `tags`, after all that is run; those of other runs of the server are none. */
  async tokens(tags: readonly string[]): Promise<Token[]> {
    const places = tags.map((tag) => {
      const place = this.#tags.get(tag) ?? this.#tags.size;
      this.#tags.set(tag, place);
      return place;
    });
    if (places.length === 0) return [];
    const { tokens } = await this.#answer;
    return places.map((place) => tokens[place]?.());
  }

  async #send(): Promise<BatchReplies> {
    const { connection, tokenKey } = this.#parts;
    const livesAt = this.#commands.length;
    this.#addConfirm();
    const keys = [...this.#tags.keys()].map(tokenKey);
    if (keys.length > 0) this.#commands.mget(keys);
    const replies = await connection.runEach(this.#commands);
    const lives = this.#marks.length > 0 ? (replies[livesAt] ?? noLives) : noLives;
    if (keys.length === 0) return { replies, lives, tokens: [] };
    const ofThisRun = `${await connection.runId()}.`;
    const tokens = (await this.#each(keys, replies.at(-1))).map((reply) => () => {
      const token = replyOf(reply);
      return typeof token === 'string' && token.startsWith(ofThisRun) ? token : undefined;
    });
    return { replies, lives, tokens };
  }

  #addConfirm(): void {
    if (this.#marks.length === 0) return;
    const keys = this.#marks.map(({ key }) => key);
    const args = this.#marks.flatMap(({ head, textBytes }) => [head, textBytes]);
    addScript(this.#commands, confirmScript, { keys, args, isKnown: !this.#sentTexts.has(confirmScript) });
  }

  /** The answers of MGET one by one. It fails as a whole where an access list forbids one of the keys. */
  async #each(keys: readonly string[], [fault, answer]: Reply = [null, []]): Promise<Reply[]> {
    if (fault === null) return (answer as (string | null)[]).map((token) => [null, token]);
    if (!fault.message.startsWith('NOPERM')) return keys.map(() => [fault, undefined]);
    const commands = this.#parts.connection.redis.pipeline();
    for (const key of keys) commands.get(key);
    return await this.#parts.connection.runEach(commands);
  }
}

/**
 * Joins the reads and writes of one tick into one round trip: an operation with fifty cached fields asks Redis once, and so do
 * fifty requests whose loads have ended together. What several callers request is requested once.
 *
 * The tokens are read last, together with the id of their database. So they are never older than the values of the same round
 * trip, and the tokens that a write returns were current after it.
 */
import type { ChainableCommander } from 'ioredis';
import type { DatabaseIdentity } from './database-identity.ts';
import { CacheError } from '../../base/errors.ts';
import { isFault, replyOf, type RedisConnection, type Reply } from './connection.ts';
import { addScript, confirmScript, tokenBytesMax, tokensScript, type Script, type ScriptCall } from './scripts.ts';
import type { EntryVersion } from '../../entry/entry.ts';
import { endOfTick } from '../../base/clock.ts';

/** The number of commands and tags that fill a batch; later callers use another one. The commands of one caller stay together. */
const batchMax = 2_000;
const noReply: Reply = [null, undefined];

interface BatchParts {
  readonly connection: Pick<RedisConnection, 'redis' | 'runEach' | 'knownRunId' | 'runId'>;
  readonly identity: Pick<DatabaseIdentity, 'key' | 'knows' | 'begin' | 'renew'>;
  readonly tokenKey: (tag: string) => string;
}

/**
 * Adds to the batch that is open.
 *
 * @param add Adds commands, and scripts by their hashes, or by their texts if the server turned out not to know them. What is
 *   added without an `await` in between is sent in one round trip.
 * @returns The result of the function that `add` returned, which is called when the replies have arrived.
 */
export type AskBatch = <T>(add: (batch: Batch, isKnown: boolean) => () => T | Promise<T>) => Promise<T>;

/** `inOwnBatch` uses a round trip of its own, which is sent before that of this tick. */
export function batchCalls(parts: BatchParts): { readonly inBatch: AskBatch; readonly inOwnBatch: AskBatch } {
  let open: { readonly batch: Batch; readonly tick: Promise<void> } | undefined;
  const openBatch = (): Batch => {
    const tick = endOfTick();
    // A caller at the end of a tick, when its batch is about to be sent, belongs to the next tick: `lease.ts` counts on that.
    if (open?.tick === tick && open.batch.size < batchMax) return open.batch;
    const batch = new Batch(parts, tick, () => {
      if (open?.batch === batch) open = undefined; // its replies may be large
    });
    open = { batch, tick };
    return batch;
  };
  const batchAtOnce = (): Batch => new Batch(parts, Promise.resolve(), () => {});
  return { inBatch: asking(openBatch), inOwnBatch: asking(batchAtOnce) };
}

function asking(batchFor: () => Batch): AskBatch {
  return async (add) => {
    const batch = batchFor();
    const answer = add(batch, true);
    await batch.answered;
    try {
      return answer();
    } catch (error) {
      if (!isScriptUnknown(error)) throw error;
    }
    const next = batchFor();
    const itsAnswer = add(next, false);
    await next.answered;
    return itsAnswer();
  };
}

function isScriptUnknown(error: unknown): boolean {
  return error instanceof CacheError && error.message.startsWith('NOSCRIPT');
}

type Token = string | undefined;

/**
 * Each method that adds something returns a function to call after `answered` has resolved: it returns the reply, or throws the
 * fault.
 */
class Batch {
  readonly #parts: BatchParts;
  readonly #commands: ChainableCommander;
  readonly #byName = new Map<string, () => unknown[]>();
  readonly #sentScripts = new Set<Script>();
  readonly #entries: EntryVersion[] = [];
  /** With their positions in the reply. */
  readonly #tags = new Map<string, number>();
  /** Rejects if there was no reply at all. */
  readonly answered: Promise<void>;
  #replies: readonly Reply[] = [];
  /** What `confirmScript` returns for all requested entries. */
  #lives: Reply | undefined;
  /** In the order in which the tags were added. */
  #tokens: readonly Reply[] = [];
  /** The beginning of a token that was created during this run of the server. */
  #runPrefix = '';
  #asksDatabase = false;
  /** Whether the tokens are those of the database that this process has worked in. */
  #isKnownDatabase = false;

  /** @param onSend Called when `isDue` has resolved: nothing can be added any more. */
  constructor(parts: BatchParts, isDue: Promise<void>, onSend: () => void) {
    this.#parts = parts;
    this.#commands = parts.connection.redis.pipeline();
    this.answered = isDue.then(() => {
      onSend();
      return this.#send();
    });
    this.answered.catch(() => {}); // every caller receives it
  }

  get size(): number {
    return this.#commands.length + this.#entries.length + this.#tags.size;
  }

  /** The replies to the commands that `add` adds, or the first fault among them. */
  run(add: (commands: ChainableCommander) => unknown): () => unknown[] {
    const first = this.#commands.length;
    add(this.#commands);
    const end = this.#commands.length;
    return () => this.#replies.slice(first, end).map(replyOf);
  }

  /** The same, run once for all callers that use the same name. */
  once(name: string, add: (commands: ChainableCommander) => unknown): () => unknown[] {
    const answers = this.#byName.get(name) ?? this.run(add);
    this.#byName.set(name, answers);
    return answers;
  }

  /**
   * The reply of `script`. Its text is sent once if the server does not know it, and its hash from then on. With a name, it runs once for
   * all callers that use the same name.
   */
  script(script: Script, { keys, args, isKnown }: ScriptCall, name?: string): () => unknown {
    const isSent = isKnown || this.#sentScripts.has(script);
    if (!isSent) this.#sentScripts.add(script);
    const add = (commands: ChainableCommander): unknown => addScript(commands, script, { keys, args, isKnown: isSent });
    // A caller that repeats an unknown script must not receive the reply of another one that still names it by its hash.
    const answers = name === undefined ? this.run(add) : this.once(`${isKnown ? '' : 'text of '}${name}`, add);
    return () => answers()[0];
  }

  /** The remaining lives of these entries, from one run of `confirmScript` for all callers. */
  confirm(entries: readonly EntryVersion[], isKnown: boolean): () => readonly number[] {
    if (!isKnown) this.#sentScripts.add(confirmScript);
    const first = this.#entries.length;
    this.#entries.push(...entries);
    return () => (entries.length === 0 ? [] : (replyOf(this.#lives) as number[]).slice(first, first + entries.length));
  }

  /** The tokens of `tags`, after everything else has run. Tokens of other runs of the server do not count. */
  tokens(tags: readonly string[]): () => Token[] {
    const places = tags.map((tag) => {
      const place = this.#tags.get(tag) ?? this.#tags.size;
      this.#tags.set(tag, place);
      return place;
    });
    return () => places.map((place) => this.#token(place));
  }

  /** Whether the batch ran in the database that this process has worked in. If it did not, nothing there is valid. */
  database(): () => boolean {
    this.#asksDatabase = true;
    return () => this.#isKnownDatabase;
  }

  #token(place: number): Token {
    const token = replyOf(this.#tokens[place]);
    if (!this.#isKnownDatabase) return undefined;
    return typeof token === 'string' && token.startsWith(this.#runPrefix) ? token : undefined;
  }

  async #send(): Promise<void> {
    const { connection, identity, tokenKey } = this.#parts;
    const livesAt = this.#commands.length;
    this.#addConfirm();
    const keys = [identity.key, ...[...this.#tags.keys()].map(tokenKey)];
    const isAsked = this.#tags.size > 0 || this.#asksDatabase;
    if (isAsked) {
      identity.renew(this.#commands);
      addScript(this.#commands, tokensScript, { keys, args: [], isKnown: true });
    }
    this.#replies = await connection.runEach(this.#commands);
    if (this.#entries.length > 0) this.#lives = this.#replies[livesAt];
    if (!isAsked) return;
    this.#runPrefix = `${connection.knownRunId() ?? (await connection.runId())}.`;
    const [database = noReply, ...tokens] = await this.#texts(this.#replies.at(-1), keys);
    const isUnknown = isFault(database);
    this.#tokens = isUnknown ? tokens.map(() => database) : tokens;
    if (!isUnknown) await this.#recognise(replyOf(database));
  }

  async #recognise(answer: unknown): Promise<void> {
    const { identity } = this.#parts;
    const text = typeof answer === 'string' ? answer : '';
    this.#isKnownDatabase = identity.knows(text);
    // If it takes no writes, its tokens stay invalid for this process.
    if (!this.#isKnownDatabase) await identity.begin(text).catch(() => {});
  }

  /** The single texts; `reply` is that of `tokensScript`. */
  async #texts(reply: Reply | undefined, keys: readonly string[]): Promise<readonly Reply[]> {
    const [fault, answer] = reply ?? [null, []];
    if (fault === null) return (answer as string[]).map((text) => [null, text]);
    // An access list that forbids one of the keys forbids the whole script.
    const isForbidden = fault.message.startsWith('NOPERM');
    if (!isForbidden && !fault.message.startsWith('NOSCRIPT')) return keys.map(() => [fault, undefined]);
    const commands = this.#parts.connection.redis.pipeline();
    if (!isForbidden) addScript(commands, tokensScript, { keys, args: [], isKnown: false });
    else for (const key of keys) commands.getrange(key, 0, tokenBytesMax - 1);
    const replies = await this.#parts.connection.runEach(commands);
    return isForbidden ? replies : this.#texts(replies[0], keys);
  }

  #addConfirm(): void {
    if (this.#entries.length === 0) return;
    const keys = this.#entries.map(({ key }) => key);
    const args = this.#entries.flatMap(({ entryId, textBytes }) => [entryId, textBytes]);
    addScript(this.#commands, confirmScript, { keys, args, isKnown: !this.#sentScripts.has(confirmScript) });
  }
}

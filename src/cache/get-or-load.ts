/**
 * How a fetch comes by its value:
 *
 *   in the memory tier? a hit · a flight of this key is up? board it · unless a miss is likely (`miss-predictor.ts`): read value
 *   and tokens · the stamps stand? a hit · else one load for all who wait, in this process and the others: take the lease,
 *   which brings a value that was not looked for, load, store the value under the tokens of before
 *
 * Where the store is left alone, or takes nothing new: the next departure of this key.
 */
import { shared } from './boarding.ts';
import type { Departures } from './departures.ts';
import { fill, type Fill, type Filled, type FillParts } from './load.ts';
import { Cancelled, type Boarded, type Flight, type Flights } from './in-flight.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { LoadScope } from './scope/load-scope.ts';
import { lookup } from './lookup.ts';
import type { MemoryTier, TimedTicket } from './memory/memory-tier.ts';
import type { MissPredictor } from './miss-predictor.ts';
import { hit, type Answer } from './outcome.ts';
import { type CachedEntry } from './entry/entry-ref.ts';
import type { Policy } from './policy.ts';
import type { Tier } from './events/events.ts';
import type { Stamps } from './tags/tags.ts';

/** `use` reads and stores, `bypass` does neither, `refresh` loads and stores. */
export type Mode = 'use' | 'bypass' | 'refresh';

export interface Asked extends Pick<Fill, 'key' | 'policy' | 'load' | 'dependsOn' | 'isAborted'> {
  readonly mode: Mode;
  /** What this fetch is part of: all of its fetches leave a store alone that has failed one. */
  readonly request: object | undefined;
}

export interface ReadPathParts extends Omit<FillParts, 'store' | 'flights'> {
  readonly tier: Tier;
  readonly guarded: Pick<GuardedStore, 'request'>;
  readonly flights: Flights<Filled>;
  readonly departures: Departures<Filled>;
  readonly memory: MemoryTier | undefined;
  readonly predictor: MissPredictor;
}

/** A fetch on its way. */
interface Fetching extends Omit<Fill, 'found' | 'flight'> {
  readonly parts: FillParts;
  /** What of the memory tier may answer it. */
  readonly memory: MemoryTier | undefined;
  /** Whether it has boarded somebody else's load in vain: after the next one it loads for itself. */
  readonly isAgain: boolean;
  /** How often it has started over because the error of a load that it had joined claimed to be a cancellation. */
  readonly claims: number;
}

/** After so many, the error counts as a failure of the load. */
const claimsMax = 3;

export class ReadPath {
  readonly #parts: ReadPathParts;

  constructor(parts: ReadPathParts) {
    this.#parts = parts;
  }

  /**
   * @param nowMs When the fetch began.
   * @returns Without a promise where memory has it: that would cost as much as all the rest of such a hit.
   */
  answer({ key, policy, load, dependsOn, isAborted, mode, request }: Asked, nowMs: number): Answer | Promise<Answer> {
    if (mode === 'bypass') return loaded(load, policy);
    const { guarded, touched } = this.#parts;
    const tags = touched.ofFetch(key.field, policy.tags);
    const memory = this.#memoryFor(policy, mode);
    const found = memory?.get(key.text, tags.required, nowMs);
    if (found !== undefined) return hit('memory', found);
    const parts = { ...this.#parts, store: guarded.request(request) };
    const fetching: Fetching = {
      key,
      policy,
      tags,
      load,
      dependsOn,
      isAborted,
      parts,
      memory,
      isAgain: false,
      claims: 0,
    };
    return mode === 'refresh' ? this.#refresh(fetching) : this.#read(fetching);
  }

  async #refresh(fetching: Fetching): Promise<Answer> {
    return { ...(await this.#fly(fetching, 'anything')), state: 'refresh' };
  }

  #read(fetching: Fetching): Promise<Answer> {
    const { key, tags, parts } = fetching;
    const { flights, predictor } = this.#parts;
    if (parts.store.isBypassed) return this.#depart(fetching);
    const number = flights.arrive();
    const flight = flights.get(key.text);
    if (flight !== undefined) return this.#board(fetching, flight, number);
    const stamps = parts.store.isFull ? undefined : predictor.stampsFor(key.field, tags);
    return stamps === undefined ? this.#lookUp(fetching) : this.#acquireAtOnce(fetching, stamps);
  }

  /** What the flight brings, where that is right for him who came as `number`. */
  async #board(fetching: Fetching, flight: Promise<Boarded<Filled>>, number: number): Promise<Answer> {
    const { store } = fetching.parts;
    const startedMs = store.nowMs;
    const landed = await flight;
    if (landed instanceof Cancelled) return this.#read(afterCancelled(fetching, landed));
    const isRight = landed !== undefined && landed.provenFor >= number;
    if (isRight || (landed === undefined && fetching.isAgain)) return this.#shared(fetching, landed);
    if (landed?.wasThere !== undefined) store.hasTakenMs(store.nowMs - startedMs);
    return this.#lookUp({ ...fetching, isAgain: true });
  }

  /** Reads, and loads where there is nothing to give. */
  async #lookUp(fetching: Fetching): Promise<Answer> {
    const { key, tags, parts, memory, isAgain } = fetching;
    const ticket = memory?.ticket();
    const seen = await lookup(parts, key, tags);
    if (seen.found === 'entry') return this.#found(fetching, ticket, seen);
    if (seen.found === 'no-store' || parts.store.isFull) return this.#depart(fetching);
    // Another request may have taken off while this one read, and so after this one came.
    const since = this.#parts.flights.get(key.text);
    if (since === undefined) return loadedAs(await this.#fly(fetching, seen.seen));
    const landed = await since;
    if (landed instanceof Cancelled) return this.#read(afterCancelled(fetching, landed));
    const startsOver = landed === undefined && !isAgain;
    return startsOver ? this.#read({ ...fetching, isAgain: true }) : this.#shared(fetching, landed);
  }

  /** A miss is likely: leave to load is asked for without a look, a round trip less, and brings the value if there is one. */
  async #acquireAtOnce(fetching: Fetching, stamps: Stamps): Promise<Answer> {
    const ticket = fetching.memory?.ticket();
    const filled = await this.#fly(fetching, { stamps, head: undefined, isPrediction: true });
    return filled.wasThere === undefined ? loadedAs(filled) : this.#found(fetching, ticket, filled.wasThere);
  }

  #found({ key, parts, memory }: Fetching, ticket: TimedTicket | undefined, found: CachedEntry): Answer {
    const { predictor, tier } = this.#parts;
    if (ticket !== undefined) memory?.keep(ticket, found);
    parts.touched.saw(key.field, Object.keys(found.entryRef.stamps));
    predictor.learn(key.field, undefined);
    return hit(tier, found);
  }

  /** Loads with those who come before the load begins. */
  async #depart(fetching: Fetching): Promise<Answer> {
    const { departures } = this.#parts;
    const load = (flight: Flight): Promise<Filled> => this.#load(fetching, 'no-store', flight);
    const { isShared, landed } = await departures.join(fetching.key.text, load);
    if (!isShared) return { ...landed, state: 'miss' };
    if (landed instanceof Cancelled) return this.#depart(afterCancelled(fetching, landed));
    const startsOver = landed === undefined && !fetching.isAgain;
    return startsOver ? this.#depart({ ...fetching, isAgain: true }) : this.#shared(fetching, landed);
  }

  #fly(fetching: Fetching, found: Fill['found']): Promise<Filled> {
    return this.#parts.flights.start(fetching.key.text, (flight) => this.#load(fetching, found, flight));
  }

  async #load({ parts, ...request }: Fetching, found: Fill['found'], flight: Flight): Promise<Filled> {
    const filled = await fill(parts, { ...request, found, flight });
    const { memory, predictor } = this.#parts;
    if (filled.wasThere === undefined) memory?.drop(request.key.text);
    if (found !== 'anything') predictor.learn(request.key.field, filled.stamps && filled.captured);
    return filled;
  }

  /** His own of what somebody else's load brings. */
  async #shared({ parts, ...request }: Fetching, landed: Filled | undefined): Promise<Answer> {
    const answer = await shared(landed, () => fill(parts, { ...request, found: 'no-store' }));
    const isHit = answer.state === 'shared' && landed?.wasThere !== undefined;
    return isHit ? { ...hit(this.#parts.tier, landed.wasThere), value: answer.value } : answer;
  }

  /** What a load is made of is read from the store: memory may still give what is older than the load's tokens. */
  #memoryFor({ isStrict = false }: Policy, mode: Mode): MemoryTier | undefined {
    return mode === 'use' && !isStrict && LoadScope.current() === undefined ? this.#parts.memory : undefined;
  }
}

/** @throws The error of the load that it has joined, where that has claimed to be a cancellation too often. */
function afterCancelled(fetching: Fetching, { error, isCertain }: Cancelled): Fetching {
  if (isCertain) return fetching;
  if (fetching.claims >= claimsMax) throw error;
  return { ...fetching, claims: fetching.claims + 1 };
}

function loadedAs({ wasThere: _wasThere, isShared, ...filled }: Filled): Answer {
  return { ...filled, state: isShared ? 'shared' : 'miss' };
}

async function loaded(load: Fill['load'], { ttlMs }: Policy): Promise<Answer> {
  return { state: 'bypass', value: await load(), stamps: undefined, ttlMs, ageMs: 0 };
}

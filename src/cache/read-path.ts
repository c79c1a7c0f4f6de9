/**
 * How a fetch comes by its value:
 *
 *   in the memory tier? a hit · a flight of this key is up? board it · read value and tokens · the stamps stand? a hit · else
 *   one load for all who wait, in this process and the others: take the lease, load, store the value under the tokens of
 *   before
 *
 * where a miss is likely: the lease is asked for at once, which brings the value if there is one; and where the store is left
 * alone, or takes nothing new: the next departure of this key.
 */
import { shared } from './boarding.ts';
import type { Departures } from './departures.ts';
import { fill, type Fill, type Filled, type FillParts } from './fill.ts';
import type { Flight, Flights } from './flight.ts';
import type { GuardedStore } from './guarded-store.ts';
import { LoadScope } from './load-scope.ts';
import type { LikelyMisses } from './likely-misses.ts';
import { lookup } from './lookup.ts';
import type { MemoryTier } from './memory-tier.ts';
import { hit, type Answer, type Found } from './outcome.ts';
import type { Policy } from './policy.ts';
import type { Tier } from './store.ts';

/** `use` reads and stores, `bypass` does neither, `refresh` loads and stores. */
export type Mode = 'use' | 'bypass' | 'refresh';

export interface Asked extends Pick<Fill, 'key' | 'policy' | 'load' | 'madeOf'> {
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
  readonly misses: LikelyMisses;
}

/** A fetch on its way. */
interface Fetching extends Omit<Fill, 'found' | 'flight'> {
  readonly parts: FillParts;
  /** What of the memory tier may answer it. */
  readonly memory: MemoryTier | undefined;
  /** Whether it has boarded somebody else's load in vain: after the next one it loads for itself. */
  readonly isAgain: boolean;
}

export class ReadPath {
  readonly #parts: ReadPathParts;

  constructor(parts: ReadPathParts) {
    this.#parts = parts;
  }

  /**
   * @param nowMs When the fetch began.
   * @returns Without a promise where memory has it: that would cost as much as all the rest of such a hit.
   */
  answer({ key, policy, load, madeOf, mode, request }: Asked, nowMs: number): Answer | Promise<Answer> {
    if (mode === 'bypass') return loaded(load, policy);
    const { guarded, touched } = this.#parts;
    const tags = touched.ofFetch(key.field, policy.tags);
    const memory = this.#memoryFor(policy, mode);
    const found = memory?.get(key.text, tags.required, nowMs);
    if (found !== undefined) return hit('memory', found);
    const parts = { ...this.#parts, store: guarded.request(request) };
    const fetching: Fetching = { key, policy, tags, load, madeOf, parts, memory, isAgain: false };
    return mode === 'refresh' ? this.#refresh(fetching) : this.#read(fetching);
  }

  async #refresh(fetching: Fetching): Promise<Answer> {
    return { ...(await this.#fly(fetching, 'anything')), state: 'refresh' };
  }

  async #read(fetching: Fetching): Promise<Answer> {
    const { key, tags, parts, memory, isAgain } = fetching;
    const { flights, misses, tier } = this.#parts;
    if (parts.store.isLeftAlone) return this.#depart(fetching);
    const number = flights.arrive();
    const flight = flights.get(key.text);
    if (flight !== undefined) {
      const landed = await flight;
      if (landed !== undefined && landed.provenFor >= number) return this.#shared(fetching, landed);
      if (landed === undefined && isAgain) return this.#shared(fetching, undefined);
    }

    const ticket = memory?.ticket();
    const found = ({ held, ...rest }: Found): Answer => {
      if (ticket !== undefined) memory?.keep(ticket, { held, ...rest });
      parts.touched.saw(key.field, Object.keys(held.stamps));
      misses.learn(key.field, undefined);
      return hit(tier, { held, ...rest });
    };
    // Who will miss asks for leave to load at once, which is a round trip less; he is given the value if there is one.
    const guessed = flight === undefined && !parts.store.takesNothing && misses.stampsFor(key.field, tags);
    if (guessed) {
      const { wasThere, ...filled } = await this.#fly(fetching, { stamps: guessed, head: undefined });
      return wasThere === undefined ? loadedAs(filled) : found(wasThere);
    }
    const seen = await lookup(parts, key, tags);
    if (seen.found === 'entry') return found(seen);
    if (seen.found === 'no-store' || parts.store.takesNothing) return this.#depart(fetching);

    // Another request may have taken off while this one read, and so after this one came.
    const since = flights.get(key.text);
    if (since !== undefined) {
      const landed = await since;
      const startsOver = landed === undefined && flight === undefined && !isAgain;
      return startsOver ? this.#read({ ...fetching, isAgain: true }) : this.#shared(fetching, landed);
    }
    return loadedAs(await this.#fly(fetching, seen.seen));
  }

  /** Loads with those who come before the load begins. */
  async #depart(fetching: Fetching): Promise<Answer> {
    const { departures } = this.#parts;
    const load = (flight: Flight): Promise<Filled> => this.#load(fetching, 'no-store', flight);
    const { isShared, landed } = await departures.join(fetching.key.text, load);
    if (!isShared) return { ...landed, state: 'miss' };
    const startsOver = landed === undefined && !fetching.isAgain;
    return startsOver ? this.#depart({ ...fetching, isAgain: true }) : this.#shared(fetching, landed);
  }

  #fly(fetching: Fetching, found: Fill['found']): Promise<Filled> {
    return this.#parts.flights.start(fetching.key.text, (flight) => this.#load(fetching, found, flight));
  }

  async #load({ parts, ...request }: Fetching, found: Fill['found'], flight: Flight): Promise<Filled> {
    const filled = await fill(parts, { ...request, found, flight });
    const { memory, misses } = this.#parts;
    if (filled.wasThere === undefined) memory?.drop(request.key.text);
    misses.learn(request.key.field, filled.stamps && filled.captured);
    return filled;
  }

  /** His own of what somebody else's load brings. */
  #shared({ parts, ...request }: Fetching, landed: Filled | undefined): Promise<Answer> {
    return shared(landed, () => fill(parts, { ...request, found: 'no-store' }));
  }

  /** What a load is made of is read from the store: memory may still give what is older than the load's tokens. */
  #memoryFor({ isStrict = false }: Policy, mode: Mode): MemoryTier | undefined {
    return mode === 'use' && !isStrict && LoadScope.current() === undefined ? this.#parts.memory : undefined;
  }
}

function loadedAs(filled: Filled): Answer {
  return { ...filled, state: filled.isShared ? 'shared' : 'miss' };
}

async function loaded(load: Fill['load'], { ttlMs }: Policy): Promise<Answer> {
  return { state: 'bypass', value: await load(), stamps: undefined, ttlMs, ageMs: 0 };
}

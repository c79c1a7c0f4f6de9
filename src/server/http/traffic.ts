/**
 * What is under way on the listener: bounded, so that strangers cannot hold it up, and ended without losing a request.
 *
 * Bounded are the connections, what each may send ahead, the requests that are executed at once, the time from a request
 * to its answer's last byte, and what slow readers leave unread.
 */
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as endOfTick, setTimeout as sleep } from 'node:timers/promises';

/** The limits. */
export interface TrafficLimits {
  /** Of connections. Beyond it the oldest goes that waits for no answer: strangers who say nothing keep nobody out. */
  readonly connectionsMax: number;
  /** Of requests that one connection may send before their answers; browsers send one. */
  readonly pipelinedMax: number;
  /** Of requests that are executed, also for clients who have gone. */
  readonly executedMax: number;
  /** For how long an answer may be made and read. */
  readonly answerMsMax: number;
  /** Of answers that wait for their readers. Those that wait longest are cut off. */
  readonly unreadBytesMax: number;
  /** What is under way for longer than this while the server closes is cut off. */
  readonly closeMsMax: number;
}

const defaults: TrafficLimits = {
  connectionsMax: 1_000,
  pipelinedMax: 10,
  executedMax: 500,
  answerMsMax: 30_000,
  unreadBytesMax: 32_000_000,
  closeMsMax: 8_000,
};

/** How often it is looked at what stays unread, and since when: fast enough that little comes meanwhile. */
const lookEveryMs = 50;
/** What was on its way when the listener closed has this long to arrive. */
const arriveMsMax = 250;

/** An answer that is made or read. */
interface Answer {
  readonly response: ServerResponse;
  readonly openedMs: number;
}

/**
 * What comes and goes with each request stands in arrays. A Set or Map that grows or shrinks leaves its old table behind,
 * and where that was promoted V8's scavenger keeps alive what hangs on it (*nepotism*): whole requests. With arrays, and
 * listeners by `on` in place of `once`, Redis' answers came a third more often, their p99 fell to less than half.
 */
export class Traffic {
  readonly #server: Server;
  readonly #limits: TrafficLimits;
  readonly #onRefusal: (limit: keyof TrafficLimits) => void;
  /** The oldest first, each with its answers that are under way. */
  readonly #sockets = new Map<Socket, Answer[]>();
  readonly #executed: ServerResponse[] = [];
  readonly #looking: NodeJS.Timeout;
  #isClosing = false;

  /** @param options.onRefusal Hears the name of the limit, each time that one ends something. */
  constructor(
    server: Server,
    { limits, onRefusal }: { limits: Partial<TrafficLimits>; onRefusal: (limit: keyof TrafficLimits) => void },
  ) {
    this.#server = server;
    this.#limits = { ...defaults, ...limits };
    this.#onRefusal = onRefusal;
    server.on('connection', (socket) => this.#connected(socket));
    this.#looking = setInterval(() => this.#look(), lookEveryMs).unref();
  }

  /** How many answers are made or read just now. */
  get answers(): number {
    return this.#underWay().length;
  }

  /** How many requests are executed just now, or wait for their readers. */
  get executed(): number {
    return this.#executed.length;
  }

  /** Whether nothing new is to come on the connections that there are. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Takes over the answer to a request. False: it is not to be answered. */
  opened(socket: Socket, response: ServerResponse): boolean {
    const answers = this.#sockets.get(socket);
    if (answers === undefined || socket.destroyed) return false;
    if (answers.length >= this.#limits.pipelinedMax) {
      this.#end(socket, 'pipelinedMax');
      return false;
    }
    if (this.#isClosing) sayClose(response);
    const answer = { response, openedMs: performance.now() };
    answers.push(answer);
    response.on('close', () => {
      remove(answers, answer);
      this.#gone(response);
    });
    return true;
  }

  /**
   * Runs `work`, which answers.
   *
   * @returns False where too much is executed already. What slow readers have yet to read does not count.
   */
  async execute(response: ServerResponse, work: () => Promise<void>): Promise<boolean> {
    let executed = 0;
    for (const { headersSent } of this.#executed) executed += Number(!headersSent);
    if (executed >= this.#limits.executedMax) {
      this.#onRefusal('executedMax');
      return false;
    }
    this.#executed.push(response);
    try {
      await work();
    } finally {
      remove(this.#executed, response);
    }
    return true;
  }

  /** Whether somebody waits on this connection for an answer to a request that has arrived. */
  isAwaited(socket: Duplex): boolean {
    const answers = this.#sockets.get(socket as Socket) ?? [];
    return answers.some(({ response: { req, headersSent } }) => req.complete || headersSent);
  }

  /**
   * Ends in the order in which no request is lost:
   *   1. every answer says that its connection closes, while new requests are still taken: who has connections kept
   *      alive moves on by himself, where closing them would cross with a request that is on its way;
   *   2. after `drainMs` nobody is let in any more, and a moment later connections that wait for no answer are closed;
   *   3. what is under way is answered, and cut off after `closeMsMax`.
   */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    if (!this.#server.listening) return clearInterval(this.#looking);
    this.#isClosing = true;
    for (const { response } of this.#underWay()) sayClose(response);
    await sleep(drainMs);
    // Not that of http, which destroys connections whose request is about to arrive.
    const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(this.#server, () => resolve()));
    if (drainMs > 0) await sleep(arriveMsMax);
    // After a stall of this process the time is over before what has arrived meanwhile is read.
    await endOfTick();
    for (const socket of this.#sockets.keys()) if (!this.isAwaited(socket)) socket.destroy();
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeMsMax);
    await closed;
    clearTimeout(cutOff);
    clearInterval(this.#looking);
  }

  #connected(socket: Socket): void {
    const answers: Answer[] = [];
    this.#sockets.set(socket, answers);
    // The close of a response tells nothing of those that were queued behind it.
    socket.once('close', () => {
      for (const { response } of answers) {
        response.destroy(); // what was queued would be written for nobody
        this.#gone(response);
      }
      this.#sockets.delete(socket);
    });
    if (this.#sockets.size <= this.#limits.connectionsMax) return;
    const idle = [...this.#sockets.keys()].find((one) => one !== socket && !one.destroyed && !this.isAwaited(one));
    this.#end(idle ?? socket, 'connectionsMax');
  }

  #gone(response: ServerResponse): void {
    // Whoever executes it may wait for ever for a reader who has gone.
    if (response.headersSent) remove(this.#executed, response);
  }

  #underWay(): Answer[] {
    return [...this.#sockets.values()].flat();
  }

  #look(): void {
    const answers = this.#underWay();
    const lateMs = performance.now() - this.#limits.answerMsMax;
    for (const { response, openedMs } of answers) {
      if (openedMs < lateMs) this.#end(response.req.socket, 'answerMsMax');
    }
    let unreadBytes = answers.reduce((sum, { response }) => sum + response.writableLength, 0);
    if (unreadBytes <= this.#limits.unreadBytesMax) return;
    for (const { response } of answers.toSorted((one, other) => one.openedMs - other.openedMs)) {
      if (unreadBytes <= this.#limits.unreadBytesMax) return;
      if (response.writableLength === 0) continue;
      unreadBytes -= response.writableLength;
      this.#end(response.req.socket, 'unreadBytesMax');
    }
  }

  #end(socket: Socket, limit: keyof TrafficLimits): void {
    if (socket.destroyed) return;
    this.#onRefusal(limit);
    socket.destroy();
  }
}

function sayClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

function remove<T>(list: T[], one: T): void {
  const place = list.indexOf(one);
  if (place >= 0) list.splice(place, 1);
}

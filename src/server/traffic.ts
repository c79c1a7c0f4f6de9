/**
 * What is under way on the listener: bounded, so that strangers cannot hold it up, and ended without losing a request.
 *
 * Bounded are the connections, what each may send ahead, the requests that are executed at once, the time from a request to its answer's last
 * byte, and what slow readers leave unread: the answers that wait longest are cut off, so that new ones have room.
 */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** The bounds. */
export interface TrafficLimits {
  /** Of connections; more are closed as they come. */
  readonly connectionsMax: number;
  /** Of requests that one connection may send before their answers; browsers send one. */
  readonly pipelinedMax: number;
  /** Of requests that have arrived and are not answered yet. */
  readonly executedMax: number;
  /** For how long an answer may be made and read. */
  readonly answerMsMax: number;
  /** Of answers that wait for their readers. */
  readonly unreadBytesMax: number;
  /** What is under way for longer than this while the server closes is cut off. */
  readonly closeMsMax: number;
}

/** How often it is looked at what stays unread: fast enough that little comes meanwhile. */
const lookEveryMs = 50;

const defaults: TrafficLimits = {
  connectionsMax: 1_000,
  pipelinedMax: 10,
  executedMax: 500,
  answerMsMax: 30_000,
  unreadBytesMax: 32_000_000,
  closeMsMax: 8_000,
};

export class Traffic {
  readonly #server: Server;
  readonly #limits: TrafficLimits;
  /** Each with the number of its answers that are under way. */
  readonly #sockets = new Map<Socket, number>();
  /** The oldest first. */
  readonly #answers = new Set<ServerResponse>();
  readonly #onRefusal: (limit: keyof TrafficLimits) => void;
  readonly #looking: NodeJS.Timeout;
  #isClosing = false;

  /** @param options.onRefusal Hears the name of the limit, each time that one ends something. */
  constructor(
    server: Server,
    { limits, onRefusal }: { limits: Partial<TrafficLimits>; onRefusal: (limit: keyof TrafficLimits) => void },
  ) {
    this.#server = server;
    this.#onRefusal = onRefusal;
    this.#limits = { ...defaults, ...limits };
    server.maxConnections = this.#limits.connectionsMax;
    server.on('connection', (socket) => {
      this.#sockets.set(socket, 0);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('drop', () => onRefusal('connectionsMax'));
    // Before the listener that answers.
    server.prependListener('request', ({ socket }, response) => this.opened(socket, response));
    this.#looking = setInterval(() => this.#boundUnread(), lookEveryMs).unref();
  }

  /**
   * Whether the request that asks may be executed. Those that are still arriving do not count against it, nor do slow
   * readers.
   */
  takesMore(): boolean {
    let executed = 0;
    for (const { req, headersSent } of this.#answers) executed += Number(req.complete && !headersSent);
    if (executed <= this.#limits.executedMax) return true;
    this.#onRefusal('executedMax');
    return false;
  }

  /** Whether part of an answer is out on this connection. */
  isAnswering(socket: Duplex): boolean {
    return [...this.#answers].some((answer) => answer.socket === socket && answer.headersSent);
  }

  /**
   * Ends in the order in which no request is lost:
   *   1. every answer says that its connection closes, while new requests are still taken: who has connections kept
   *      alive moves on by himself, where closing them would cross with a request that is on its way;
   *   2. after `drainMs` nothing new is taken, and connections that wait for no answer are closed;
   *   3. what is under way is answered, and cut off after `closeMsMax`.
   */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    clearInterval(this.#looking);
    if (!this.#server.listening) return;
    this.#isClosing = true;
    for (const response of this.#answers) sayClose(response);
    await sleep(drainMs);

    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    const awaited = new Set([...this.#answers].filter(({ req }) => req.complete).map(({ socket }) => socket));
    for (const socket of this.#sockets.keys()) if (!awaited.has(socket)) socket.destroy();
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeMsMax);
    await closed;
    clearTimeout(cutOff);
  }

  /** Takes over the answer to a request that has begun to arrive. */
  opened(socket: Socket, response: ServerResponse): void {
    if (this.#isClosing) sayClose(response);
    const pipelined = 1 + (this.#sockets.get(socket) ?? 0);
    this.#sockets.set(socket, pipelined);
    this.#answers.add(response);
    const tooLong = setTimeout(() => this.#end(response, 'answerMsMax'), this.#limits.answerMsMax);
    response.once('close', () => {
      clearTimeout(tooLong);
      this.#answers.delete(response);
      const open = this.#sockets.get(socket);
      if (open !== undefined) this.#sockets.set(socket, open - 1);
    });
    if (pipelined > this.#limits.pipelinedMax) this.#end(socket, 'pipelinedMax');
  }

  #boundUnread(): void {
    let unreadBytes = 0;
    for (const { writableLength } of this.#answers) unreadBytes += writableLength;
    for (const response of this.#answers) {
      if (unreadBytes <= this.#limits.unreadBytesMax) return;
      if (response.writableLength === 0) continue;
      unreadBytes -= response.writableLength;
      this.#end(response, 'unreadBytesMax');
    }
  }

  #end(what: Socket | ServerResponse, limit: keyof TrafficLimits): void {
    this.#onRefusal(limit);
    what.destroy();
  }
}

function sayClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

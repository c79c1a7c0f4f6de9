/**
 * What is running on the listener: limited, so that no client can block it, and ended without losing a request.
 *
 * There are limits on the connections, the requests that each may pipeline, the requests that are executed at once, the time from a
 * request to the last byte of its response, the event streams, which have no such time, and the bytes that slow readers leave unread.
 */
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as endOfTick, setTimeout as sleep } from 'node:timers/promises';

/** The limits. */
export interface TrafficLimits {
  /** The number of connections. Beyond it the oldest one that waits for no response is closed, so idle clients cannot keep others out. */
  readonly connectionsMax: number;
  /** The number of requests that one connection may send before their responses; browsers send one. */
  readonly pipelinedMax: number;
  /** The number of requests that are executed, including those of clients that have disconnected. */
  readonly executedMax: number;
  /** The number of event streams. */
  readonly streamsMax: number;
  /** How long creating and reading any other response may take. */
  readonly answerMsMax: number;
  /** The bytes of responses that wait for their readers. Those that wait longest are cut off. */
  readonly unreadBytesMax: number;
  /** A response that takes longer than this while the server closes is cut off. */
  readonly closeMsMax: number;
}

const defaults: TrafficLimits = {
  connectionsMax: 1_000,
  pipelinedMax: 10,
  executedMax: 500,
  streamsMax: 20,
  answerMsMax: 30_000,
  unreadBytesMax: 32_000_000,
  closeMsMax: 8_000,
};

/** How often unread bytes are checked: often enough that few are added in between. */
const lookEveryMs = 50;
/** Requests that were on their way when the listener closed have this long to arrive. */
const arriveMsMax = 250;

/** A response that is being created or read. */
interface Answer {
  readonly response: ServerResponse;
  readonly openedMs: number;
  isStream: boolean;
}

/**
 * What is added and removed with each request is kept in arrays. A Set or Map that grows or shrinks leaves its old table behind, and
 * if that was promoted, V8's scavenger keeps alive what it refers to (*nepotism*): whole requests. With arrays, and listeners added
 * by `on` instead of `once`, Redis served a third more requests, and the p99 fell to less than half.
 */
export class Traffic {
  readonly #server: Server;
  readonly #limits: TrafficLimits;
  readonly #onRefusal: (limit: keyof TrafficLimits) => void;
  /** The oldest first, each with its running responses. */
  readonly #sockets = new Map<Socket, Answer[]>();
  readonly #executed: ServerResponse[] = [];
  readonly #looking: NodeJS.Timeout;
  #isClosing = false;

  /** @param options.onRefusal Called with the name of the limit each time that one ends something. */
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

  /** The number of responses that are being created or read. */
  get answers(): number {
    return this.#underWay().length;
  }

  /** The number of requests that are being executed, or wait for their readers. */
  get executed(): number {
    return this.#executed.length;
  }

  /** Whether nothing new is accepted on existing connections. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Takes over the response to a request. False: it must not be answered. */
  opened(socket: Socket, response: ServerResponse): boolean {
    const answers = this.#sockets.get(socket);
    if (answers === undefined || socket.destroyed) return false;
    if (answers.length >= this.#limits.pipelinedMax) {
      this.#end(socket, 'pipelinedMax');
      return false;
    }
    if (this.#isClosing) sayClose(response);
    const answer = { response, openedMs: performance.now(), isStream: false };
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
   * @returns False if too many requests are being executed. What slow readers have yet to read does not count.
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

  /**
   * Lets a response take as long as its client reads it.
   *
   * @returns False if there are too many such responses, or if the server closes.
   */
  openStream(response: ServerResponse): boolean {
    const running = this.#underWay();
    const answer = running.find((one) => one.response === response);
    if (answer === undefined || this.#isClosing) return false;
    if (running.filter(({ isStream }) => isStream).length >= this.#limits.streamsMax) {
      this.#onRefusal('streamsMax');
      return false;
    }
    answer.isStream = true;
    return true;
  }

  /** Whether a request that has arrived on this connection waits for its response. */
  isAwaited(socket: Duplex): boolean {
    const answers = this.#sockets.get(socket as Socket) ?? [];
    return answers.some(({ response: { req, headersSent } }) => req.complete || headersSent);
  }

  /**
   * Ends in the order in which no request is lost:
   *   1. Event streams are cut off: their clients connect again, to another process. A stream that ended properly would be complete.
   *      Every response announces that its connection closes, while new requests are still accepted: clients that keep connections
   *      alive move to others by themselves, whereas closing would cross with a request that is on its way.
   *   2. After `drainMs` nothing new is accepted, and a moment later connections that wait for no response are closed.
   *   3. Running requests are answered, and cut off after `closeMsMax`.
   */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    if (!this.#server.listening) return clearInterval(this.#looking);
    this.#isClosing = true;
    for (const { response, isStream } of this.#underWay()) {
      if (isStream) response.req.socket.destroy();
      else sayClose(response);
    }
    await sleep(drainMs);
    // Not http's own method, which destroys connections whose request is about to arrive.
    const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(this.#server, () => resolve()));
    if (drainMs > 0) await sleep(arriveMsMax);
    // After this process was stalled, timers run before requests that have arrived meanwhile are read.
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
    // The close of a response says nothing about those that were queued behind it.
    socket.once('close', () => {
      for (const { response } of answers) {
        response.destroy(); // the client of the queued response has gone
        this.#gone(response);
      }
      this.#sockets.delete(socket);
    });
    if (this.#sockets.size <= this.#limits.connectionsMax) return;
    const idle = [...this.#sockets.keys()].find((one) => one !== socket && !one.destroyed && !this.isAwaited(one));
    this.#end(idle ?? socket, 'connectionsMax');
  }

  #gone(response: ServerResponse): void {
    // Code that executes it may wait for ever for a reader that has disconnected.
    if (response.headersSent) remove(this.#executed, response);
  }

  #underWay(): Answer[] {
    return [...this.#sockets.values()].flat();
  }

  #look(): void {
    const answers = this.#underWay();
    const lateMs = performance.now() - this.#limits.answerMsMax;
    for (const { response, openedMs, isStream } of answers) {
      if (openedMs < lateMs && !isStream) this.#end(response.req.socket, 'answerMsMax');
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

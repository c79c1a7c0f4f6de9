/**
 * A client connection of HTTP/1.1 for one request at a time. It parses only the status of a response, and its length.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

const headBytesMax = 4_096;
const headEnd = '\r\n\r\n';

export class HttpConnection {
  #socket;
  #head;
  #answered;
  #failed;
  /** The sizes of the response that is being received. */
  #bytes = 0;
  #bodyBytes = 0;
  #left = 0;

  static async open(port) {
    const connection = new HttpConnection(port);
    await once(connection.#socket, 'connect');
    return connection;
  }

  constructor(port) {
    this.#head = `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\naccept: application/json\r\ncontent-length: `;
    const fail = (error) => this.#failed?.(error);
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: Buffer.allocUnsafe(65_536), callback: (length, buffer) => this.#read(length, buffer) },
    });
    this.#socket.on('error', fail).on('close', () => fail(new Error('the server closed a connection')));
  }

  /** Sends a request. Resolves with the size of the response when it is complete; rejects if its status is not 200. */
  ask(body) {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(`${this.#head}${Buffer.byteLength(body)}${headEnd}${body}`);
    });
  }

  close() {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #read(length, buffer) {
    if (this.#left === 0) this.#begin(buffer.latin1Slice(0, Math.min(length, headBytesMax)));
    this.#left -= length;
    if (this.#left === 0) this.#answered({ bytes: this.#bytes, bodyBytes: this.#bodyBytes });
    return true;
  }

  /** The head of a response arrives in one piece, because all of these servers write it at once. */
  #begin(text) {
    const [, bodyBytes] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
    const headBytes = text.indexOf(headEnd) + headEnd.length;
    if (!text.startsWith('HTTP/1.1 200') || bodyBytes === undefined || headBytes < headEnd.length) {
      this.#failed(new Error(`no answer of a known length: ${text.slice(0, 300)}`));
      this.#socket.destroy();
      return;
    }
    this.#bodyBytes = Number(bodyBytes);
    this.#bytes = headBytes + this.#bodyBytes;
    this.#left = this.#bytes;
  }
}

/**
 * `node slow-connections.mjs URL COUNT`: keeps COUNT connections open that cost a server much and a client little,
 * until this process is killed. A quarter of them sends headers at one byte per second, a quarter a body; a quarter
 * does not read the console's page, a quarter a large response. Prints `ready` when all are open.
 */
import { connect } from 'node:net';
import { argv, stdout } from 'node:process';

const { hostname, port } = new URL(argv[2]);
const count = Number(argv[3]);
const document = JSON.stringify({ query: '{ searchProducts(limit: 100) { id name description price stock } }' });
const post = 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

const kinds = [
  { begin: 'GET /graphql HTTP/1.1\r\nX-Slow: ', more: 'x' },
  { begin: `${post}Content-Length: 50000\r\n\r\n{"query":"`, more: 'x' },
  {
    begin: 'GET /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n',
    more: '',
    isPaused: true,
  },
  { begin: `${post}Content-Length: ${document.length}\r\n\r\n${document}`, more: '', isPaused: true },
];

function open(index) {
  const { begin, more, isPaused = false } = kinds[index % kinds.length];
  const socket = connect(Number(port), hostname);
  if (isPaused) socket.pause();
  else socket.resume();
  const dripping = setInterval(() => more && socket.write(more), 1_000);
  socket.on('error', () => {});
  // The server may close such a connection; a hostile client reconnects.
  socket.on('close', () => {
    clearInterval(dripping);
    setTimeout(() => void open(index), 100);
  });
  return new Promise((resolve) => {
    socket.on('connect', () => socket.write(begin, resolve));
  });
}

await Promise.all(Array.from({ length: count }, (_, index) => open(index)));
stdout.write('ready\n');

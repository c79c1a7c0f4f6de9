/** Where a Redis is, as far as `redis-cli` can be told it on its command line. */
interface Place {
  /** The arguments that name the server. */
  readonly server: readonly string[];
  readonly database: string;
}

/**
 * Returns the command that opens a Redis for a person. It contains neither the user nor the password.
 *
 * @param address Valid: the path of a Unix socket, or a URL with `redis://` or `rediss://`.
 */
export function redisCliFor(address: string): string {
  const { server, database } = address.startsWith('/') ? placeOfSocket(address) : placeOfUrl(new URL(address));
  const words = database === '0' ? server : [...server, '-n', database];
  return ['redis-cli', ...words.map(shellWord)].join(' ');
}

function placeOfSocket(address: string): Place {
  const [path = '', query] = address.split('?');
  return { server: ['-s', path], database: new URLSearchParams(query).get('db') ?? '0' };
}

function placeOfUrl({ protocol, hostname, port, pathname, searchParams }: URL): Place {
  const tls = protocol === 'rediss:' ? ['--tls'] : [];
  const host = hostname.replace(/^\[|\]$/g, ''); // an IPv6 address
  return {
    server: ['-h', host, '-p', port || '6379', ...tls],
    database: pathname.slice(1) || (searchParams.get('db') ?? '0'),
  };
}

/** A word as a POSIX shell reads it. */
function shellWord(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Requests that clients send by mistake or with malice, each with the refusal that it must receive. */
import type { RawRequest } from './raw-request.ts';

export interface Hostile {
  what: string;
  request: RawRequest;
  status: number;
  code: string;
  /** Matches the message. */
  says: RegExp;
}

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');
const query = (text: string, more: object = {}): RawRequest => ({ body: JSON.stringify({ query: text, ...more }) });
const search = 'query ($q: String!, $limit: Int! = 5) { searchProducts(q: $q, limit: $limit) { id } }';
const expensive = '{ searchProducts(limit: 100) { category { products(limit: 100) { reviews(limit: 100) { id } } } } }';
const fieldsIn = (selection: string): string => selection.trim().slice(1, -1);
const nested = (depth: number): string =>
  `{ searchProducts(limit: 1) { ${'category { products(limit: 1) { '.repeat(depth)} id ${'} }'.repeat(depth)} } }`;
const doubling = (count: number): string =>
  `{ ...f0 } ${times(count, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)} fragment f${count} on Query { categoryStats { id } }`;
const introspectionBomb = `{ ${times(90, (i) => `a${i}: __schema { ...s }`)} }
  fragment s on __Schema { ${times(40, (i) => `t${i}: types { ...t }`)} } fragment t on __Type { a: kind b: name }`;
const inBrackets = (value: (brackets: string) => string): RawRequest => ({
  body: value('['.repeat(10_000) + ']'.repeat(10_000)),
});
const typed = (type: string | undefined, body = '{"query":"{ __typename }"}'): RawRequest => ({
  headers: type === undefined ? {} : { 'content-type': type },
  body,
});
const get = (path: string, headers: Record<string, string> = {}): RawRequest => ({
  method: 'GET',
  headers,
  path: `/graphql${path}`,
});
const mutation = encodeURIComponent('mutation { flushCache { keysRemoved } }');

const badInput = { status: 200, code: 'BAD_USER_INPUT' };
const invalid = { status: 200, code: 'GRAPHQL_VALIDATION_FAILED' };
const unparsed = { status: 200, code: 'GRAPHQL_PARSE_FAILED' };
const complex = { status: 200, code: 'QUERY_TOO_COMPLEX', says: /^The query is too complex: it/ };
const refused = (status: number): { status: number; code: string } => ({ status, code: 'BAD_USER_INPUT' });
const tooLarge = { status: 413, code: 'REQUEST_ENTITY_TOO_LARGE', says: /at most 100000 bytes/ };

export const hostileRequests: Hostile[] = [
  // Arguments
  {
    what: 'limit 0',
    request: query('{ searchProducts(limit: 0) { id } }'),
    ...badInput,
    says: /^limit must be between 1 and 100, got 0$/,
  },
  { what: 'limit 101', request: query(search, { variables: { q: '', limit: 101 } }), ...badInput, says: /got 101$/ },
  { what: 'limit -1', request: query('{ searchProducts(limit: -1) { id } }'), ...badInput, says: /got -1$/ },
  { what: 'limit 2^31', request: query('{ searchProducts(limit: 2147483648) { id } }'), ...invalid, says: /32-bit/ },
  {
    what: 'limit 2^31 as a variable',
    request: query(search, { variables: { q: '', limit: 2 ** 31 } }),
    ...badInput,
    says: /32-bit/,
  },
  { what: 'limit null', request: query('{ searchProducts(limit: null) { id } }'), ...invalid, says: /null/ },
  {
    what: 'perCategory 0',
    request: query('{ topProducts(perCategory: 0) { id } }'),
    ...badInput,
    says: /^perCategory must be/,
  },
  {
    what: 'minReviews -1',
    request: query('{ topProducts(minReviews: -1) { id } }'),
    ...badInput,
    says: /^minReviews must be/,
  },
  {
    what: 'q of 10,000 characters',
    request: query(search, { variables: { q: 'x'.repeat(10_000) } }),
    ...badInput,
    says: /at most 200 characters, got 10000/,
  },
  { what: 'q with NUL', request: query(search, { variables: { q: 'a\0b' } }), ...badInput, says: /U\+0000/ },
  { what: 'q missing', request: query(search), ...badInput, says: /\$q/ },
  {
    what: 'an invalid argument beside nested lists',
    request: query(`query ($limit: Int = 1) { ${fieldsIn(expensive)} bad: searchProducts(limit: $limit) { id } }`, {
      variables: { limit: null },
    }),
    ...badInput,
    says: /null/,
  },
  // Documents
  { what: 'a syntax error', request: query('{ categoryStats {'), ...unparsed, says: /^Syntax Error/ },
  { what: 'an unknown field', request: query('{ nothing }'), ...invalid, says: /"nothing"/ },
  {
    what: 'an unknown mode',
    request: query('{ categoryStats @cache(mode: NEVER) { id } }'),
    ...invalid,
    says: /NEVER/,
  },
  { what: 'an unknown subscription', request: query('subscription { x }'), ...invalid, says: /"Subscription"/ },
  {
    what: 'a subscription by a client that wants JSON',
    request: query('subscription { cacheEvents { at } }'),
    ...badInput,
    status: 406,
    says: /text\/event-stream/,
  },
  { what: 'a depth of 32', request: query(nested(15)), ...complex, says: /32 levels deep, at most 10/ },
  { what: '1,000 aliases', request: query(`{ ${times(1_000, (i) => `a${i}: categoryStats { id }`)} }`), ...complex },
  { what: '230 aliases', request: query(`{ ${times(230, (i) => `a${i}: __typename`)} }`), ...complex },
  { what: 'a field 990 times', request: query(`{ categoryStats { ${times(990, () => 'id')} } }`), ...complex },
  {
    what: 'an alias of 98,000 characters, which each of many rows repeats',
    request: query(
      `{ ${times(8, (i) => `t${i}: topProducts(perCategory: 100, minReviews: 0) { ...f }`)} } fragment f on TopProduct { ${'a'.repeat(98_000)}: id }`,
    ),
    ...complex,
    says: /a name of more than 100 characters/,
  },
  {
    what: 'a variable with a name of 95,000 characters, which 120 operations do not define',
    request: query(
      `${times(120, (i) => `query q${i} { ...f }`)} fragment f on Query { searchProducts(q: $${'v'.repeat(95_000)}) { id } }`,
    ),
    ...complex,
    says: /a name of more than 100 characters/,
  },
  { what: 'fragments that double the fields 20 times', request: query(doubling(20)), ...complex },
  { what: 'fragments that double the fields 60 times', request: query(doubling(60)), ...complex },
  {
    what: 'fragments in a cycle',
    request: query('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }'),
    ...invalid,
    says: /within itself/,
  },
  {
    what: '490 unknown directives',
    request: query(`{ __typename ${times(490, () => '@x')} }`),
    ...invalid,
    says: /@x/,
  },
  { what: '300 directives', request: query(`{ __typename ${times(300, () => '@skip(if: false)')} }`), ...complex },
  {
    what: '240 unused variables',
    request: query(`query (${times(240, (i) => `$v${i}: Int`)}) { __typename }`),
    ...invalid,
    says: /never used/,
  },
  { what: 'introspection that fragments multiply', request: query(introspectionBomb), ...complex },
  {
    what: 'deep introspection',
    request: query('{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }'),
    ...invalid,
    says: /introspection/,
  },
  { what: 'nested lists', request: query(expensive), ...complex },
  {
    what: 'an expensive operation behind a cheap one',
    request: query(`query A { __typename } query B ${expensive}`, { operationName: 'B' }),
    ...complex,
  },
  {
    what: 'an unknown operationName',
    request: query(`query A { __typename } query B ${expensive}`, { operationName: 'C' }),
    ...refused(400),
    says: /operation/,
  },
  {
    what: 'two operations without an operationName',
    request: query('query A { __typename } query B { __typename }'),
    ...refused(400),
    says: /operation/,
  },
  { what: 'no operation', request: query('fragment a on Query { __typename }'), ...refused(400), says: /operation/ },
  // Bodies
  { what: 'an empty body', request: { body: '' }, ...refused(400), says: /it is empty/ },
  { what: 'invalid JSON', request: { body: '{"query":' }, ...refused(400), says: /it is no JSON/ },
  { what: 'null', request: { body: 'null' }, ...refused(400), says: /it is null/ },
  { what: 'a number', request: { body: '1' }, ...refused(400), says: /it is a number/ },
  { what: 'an empty list', request: { body: '[]' }, ...refused(400), says: /not batched/ },
  { what: 'a batch', request: { body: '[{"query":"{ __typename }"}]' }, ...refused(400), says: /not batched/ },
  { what: 'no query', request: { body: '{}' }, ...refused(400), says: /no text "query"/ },
  { what: 'a query that is not a string', request: { body: '{"query":1}' }, ...refused(400), says: /no text "query"/ },
  {
    what: 'variables that are a list',
    request: query('{ __typename }', { variables: [] }),
    ...refused(400),
    says: /variables/,
  },
  { what: 'an unknown property', request: query('{ __typename }', { queries: 1 }), ...refused(400), says: /queries/ },
  {
    what: 'a property __proto__',
    request: { body: '{"query":"{ __typename }","__proto__":{"x":1}}' },
    ...refused(400),
    says: /__proto__/,
  },
  {
    what: 'variables that are 10,000 nested lists',
    request: inBrackets((x) => `{"query":"{ __typename }","variables":${x}}`),
    ...refused(400),
    says: /variables/,
  },
  {
    what: 'a variable that is 10,000 nested lists',
    request: inBrackets((x) => `{"query":"${search}","variables":{"q":${x}}}`),
    ...badInput,
    says: /String/,
  },
  {
    what: 'a variable of 90,000 characters',
    request: query(search, { variables: { q: 'x'.repeat(90_000) } }),
    ...badInput,
    says: /got 90000/,
  },
  { what: '10 MB', request: { body: 'x'.repeat(1e7) }, ...tooLarge },
  {
    what: '10 MB in chunks',
    request: { headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }, body: 'x'.repeat(1e7) },
    ...tooLarge,
  },
  {
    what: '10 MB of another content type',
    request: typed('text/plain', 'x'.repeat(1e7)),
    ...refused(415),
    says: /application\/json, got text\/plain/,
  },
  // Pages of other sites can send these without a preflight.
  { what: 'text/plain', request: typed('text/plain'), ...refused(415), says: /got text\/plain/ },
  {
    what: 'a form',
    request: typed('application/x-www-form-urlencoded', 'query={__typename}'),
    ...refused(415),
    says: /urlencoded/,
  },
  { what: 'multipart', request: typed('multipart/form-data; boundary=x', '--x'), ...refused(415), says: /multipart/ },
  { what: 'no content type', request: typed(undefined), ...refused(415), says: /got none/ },
  { what: 'application/jsonp', request: typed('application/jsonp'), ...refused(415), says: /jsonp/ },
  { what: 'two content types', request: typed('text/plain, application/json'), ...refused(415), says: /text\/plain/ },
  // Methods and query strings
  { what: 'GET with a mutation', request: get(`?query=${mutation}`), ...refused(405), says: /mutation/ },
  {
    what: 'GET with a mutation for an event stream',
    request: get(`?query=${mutation}`, { accept: 'text/event-stream' }),
    ...refused(405),
    says: /mutation/,
  },
  {
    what: 'GET with broken variables',
    request: get('?query={__typename}&variables={x'),
    ...refused(400),
    says: /variables must be a JSON object/,
  },
  {
    what: 'GET with a list of variables',
    request: get('?query={__typename}&variables=[]'),
    ...refused(400),
    says: /variables must be a JSON object/,
  },
  {
    what: 'a client that accepts only XML',
    request: { headers: { 'content-type': 'application/json', accept: 'application/xml' }, body: '{"query":"{ x }"}' },
    ...refused(406),
    says: /application\/json, .*accepted: application\/xml/,
  },
  {
    what: 'an unknown Expect header',
    request: { headers: { 'content-type': 'application/json', expect: 'coffee' }, body: '{}' },
    ...refused(417),
    says: /100-continue/,
  },
  {
    what: 'a URL of 20 kB',
    request: get(`?query=${'x'.repeat(20_000)}`),
    ...refused(431),
    says: /at most 16384 bytes/,
  },
  {
    what: 'an unknown path',
    request: { ...query('{ __typename }'), path: '/api' },
    ...refused(404),
    says: /\/graphql/,
  },
  { what: 'GET without a query', request: get(''), ...refused(400), says: /query/ },
  { what: 'GET with invalid UTF-8', request: get('?query=%E0%A4%A'), ...unparsed, says: /U\+FFFD/ },
  {
    what: 'PUT',
    request: { method: 'PUT', ...query('mutation { flushCache { keysRemoved } }') },
    ...refused(405),
    says: /GET and POST/,
  },
  { what: 'DELETE', request: { method: 'DELETE', headers: {} }, ...refused(405), says: /GET and POST/ },
  { what: 'OPTIONS', request: { method: 'OPTIONS', headers: {} }, ...refused(405), says: /GET and POST/ },
];

/** A request that is refused before GraphQL sees it. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;
  readonly code: 'BAD_USER_INPUT' | 'REQUEST_ENTITY_TOO_LARGE' | 'OVERLOADED' | 'PERSISTED_QUERY_NOT_FOUND';
  /** Headers of the response, such as what is accepted. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: RequestRefused['code'], message: string, headers: RequestRefused['headers'] = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The form of a response, by the request's `Accept`. RFC 9110, 12.5.1, and the specification of GraphQL over HTTP. */
import { readByHeader, type Preference } from '../transport/preferences.ts';
import { RequestRefused } from '../transport/request-refused.ts';

const jsonForms = ['application/json', 'application/graphql-response+json'] as const;
const events = 'text/event-stream';

export type AnswerForm = (typeof jsonForms)[number] | typeof events;

/** What one value of `Accept` requests. */
export interface Acceptance {
  /** The form of an operation's response. Undefined: the client accepts none. */
  readonly form: AnswerForm | undefined;
  /** Whether a page is preferred. Only a client that names `text/html` is a browser. */
  readonly prefersPage: boolean;
}

/** A form that is accepted, and its position in the header. */
interface Match {
  readonly quality: number;
  readonly position: number;
}

/** For clients that accept anything. */
const anything = '*/*';
const acceptanceByHeader = readByHeader(negotiated);

export function acceptanceOf(accept: string | undefined): Acceptance {
  return acceptanceByHeader(accept === undefined || accept === '' ? anything : accept);
}

/** @throws {RequestRefused} 406 if the client accepts none of the forms that a response can have. */
export function answerFormFor(accept: string | undefined): AnswerForm {
  const { form } = acceptanceOf(accept);
  if (form !== undefined) return form;
  const got = accept?.slice(0, 100) ?? '';
  const forms = [...jsonForms, events].join(', ');
  throw new RequestRefused(406, 'BAD_USER_INPUT', `An answer is one of ${forms}; accepted: ${got}.`);
}

function negotiated(preferences: readonly Preference[]): Acceptance {
  let best: (Match & { form: AnswerForm }) | undefined;
  for (const form of jsonForms) {
    const match = matchOf(form, preferences);
    if (match !== undefined && (best === undefined || isBefore(match, best))) best = { ...match, form };
  }
  // Event streams are for clients that prefer them; a client that accepts JSON equally gets JSON.
  const stream = matchOf(events, preferences);
  if (stream !== undefined && stream.quality > (best?.quality ?? 0)) best = { ...stream, form: events };
  const page = matchOf(
    'text/html',
    preferences.filter(({ name }) => name === 'text/html'),
  );
  return { form: best?.form, prefersPage: page !== undefined && (best === undefined || isBefore(page, best)) };
}

function isBefore(one: Match, other: Match): boolean {
  return one.quality === other.quality ? one.position < other.position : one.quality > other.quality;
}

/** The most specific range decides. Parameters other than the charset are ignored. */
function matchOf(form: string, preferences: readonly Preference[]): Match | undefined {
  const [type] = form.split('/');
  for (const range of [form, `${type}/*`, anything]) {
    const position = preferences.findIndex(({ name, charset = 'utf-8' }) => name === range && charset === 'utf-8');
    const quality = preferences[position]?.quality;
    if (quality !== undefined) return quality > 0 ? { quality, position } : undefined;
  }
  return undefined;
}

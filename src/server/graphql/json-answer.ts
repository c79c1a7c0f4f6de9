/** Streams of events have the same answer in another form. */
const jsonTypes = /^application\/(json|graphql-response\+json)\b/;

/** Whether an answer with this `Content-Type` is JSON, and nothing but the result. */
export function isJsonAnswer(contentType: unknown): contentType is string {
  return typeof contentType === 'string' && jsonTypes.test(contentType);
}

/** Event streams contain the same result in another form. */
const jsonTypes = /^application\/(json|graphql-response\+json)\b/;

/** Whether a response with this `Content-Type` is JSON, and nothing but the result. */
export function isJsonAnswer(contentType: unknown): contentType is string {
  return typeof contentType === 'string' && jsonTypes.test(contentType);
}

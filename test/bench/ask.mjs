const answerMsMax = 10_000;

/**
 * Sends one request that is not measured; returns its `data` as text, and its extensions.
 *
 * @throws {Error} if the response has errors, no data, or another status than 200.
 */
export async function ask(port, body) {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body,
    signal: AbortSignal.timeout(answerMsMax),
  });
  const answer = await response.json();
  const isComplete = response.status === 200 && answer.errors === undefined && typeof answer.data === 'object';
  if (!isComplete)
    throw new Error(`${response.status} ${JSON.stringify(answer).slice(0, 300)} to ${body.slice(0, 200)}`);
  return { data: JSON.stringify(answer.data), extensions: answer.extensions };
}

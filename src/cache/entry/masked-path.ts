/** One step into a value: the name of a property, or the index of an item or an entry. */
export type Step = string | number;

const stepsMax = 12;

/**
 * A path into a value as text, such as `0.price`, for messages that must not repeat data. Names that are not identifiers, such as ids and
 * e-mail addresses, are data, and are written as `*`.
 *
 * @param sent Texts that clients sent. A property whose name is one of them is not named.
 */
export function maskedPath(path: readonly Step[], sent: ReadonlySet<string>): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return step;
    return /^[A-Za-z_$][\w$]{0,39}$/.test(step) && !sent.has(step) ? step : '*';
  });
  const text = steps.length > stepsMax ? [...steps.slice(0, stepsMax), '…'] : steps;
  return text.join('.');
}

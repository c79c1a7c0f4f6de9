/** Parsers of option values for commander, which reports what they throw in one line. */
import { InvalidArgumentError } from 'commander';

/** Parses names of `choices`, separated by commas. */
export function listOf(choices) {
  return (text) => {
    const names = text.split(',');
    const unknown = names.find((name) => !Object.hasOwn(choices, name));
    if (unknown === undefined) return names;
    throw new InvalidArgumentError(`It must be of ${Object.keys(choices).join(',')}.`);
  };
}

/** Parses a number, which must be whole if `min` is. */
export function numberFrom(min, max = Infinity) {
  const isWhole = Number.isInteger(min);
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
    const upTo = max === Infinity ? '' : ` to ${max}`;
    throw new InvalidArgumentError(`It must be a ${isWhole ? 'whole ' : ''}number from ${min}${upTo}.`);
  };
}

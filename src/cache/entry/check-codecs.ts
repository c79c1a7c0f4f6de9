import { checkOptions, isFunction, received, type OptionRules } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';
import { codecNamePattern, type Codec } from './class-codecs.ts';

const rules: OptionRules = {
  name: {
    must: 'a letter and up to 39 letters, digits or . _ / -',
    isRight: (value) => typeof value === 'string' && codecNamePattern.test(value),
    isRequired: true,
  },
  test: { must: 'a function that returns true or false', isRight: isFunction, isRequired: true },
  encode: { must: 'a function that returns plain data', isRight: isFunction, isRequired: true },
  decode: { must: 'a function that returns an instance', isRight: isFunction, isRequired: true },
};

/** @throws {CacheError} `INVALID_OPTIONS`, with the place of the codec, what is wrong and what was received. */
export function checkCodecs(place: string, codecs: readonly Codec[]): void {
  const names = new Set<string>();
  for (const [index, codec] of codecs.entries()) {
    checkOptions(`${place}[${index}]`, codec, rules);
    const { name } = codec;
    if (names.has(name))
      throw new CacheError(
        'INVALID_OPTIONS',
        `${place}[${index}]: name must differ from those before it, got ${received(name)}`,
      );
    names.add(name);
  }
}

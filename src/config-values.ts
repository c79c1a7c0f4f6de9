/**
 * The kinds of values that environment variables have. The message of a kind says what the value must be; `config.ts` puts it into a
 * sentence. Each kind has a single check, so that a wrong variable is reported in one line.
 */
import { z } from 'zod';
import { redisAddressFault } from './cache/index.ts';
import { databaseUrlFault } from './database/index.ts';

export function wholeNumber(min: number, max: number, unit = '') {
  return z.string().transform((text, context) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    context.addIssue(`a whole number from ${min} to ${max}${unit}`);
    return z.NEVER;
  });
}

export function share() {
  return z.string().transform((text, context) => {
    const value = /^\d{0,3}\.?\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= 0 && value <= 1) return value;
    context.addIssue('a number from 0 to 1, such as 0.01');
    return z.NEVER;
  });
}

/** As browsers send them: scheme and host in lower case, a port unless it is the default one, and nothing after that. */
export function origins() {
  return z.string().transform((text, context): readonly string[] => {
    const list = text.split(',').map((one) => one.trim());
    if (text.trim() === '*' || list.every(isOrigin)) return [...new Set(list)];
    context.addIssue('* or origins with commas between them, such as https://shop.example or http://localhost:3000');
    return z.NEVER;
  });
}

function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

export function onOrOff() {
  return z
    .enum(['on', 'off'], 'on or off')
    .default('on')
    .transform((text) => text === 'on');
}

/** Checked here as well as where it is used, so that its faults are reported together with those of other variables. */
export function databaseUrl() {
  const rule = 'a URL that begins with postgres:// or postgresql://';
  return z.string().superRefine((text, context) => {
    const isUrl = ['postgres:', 'postgresql:'].includes(protocolOf(text) ?? '') && canParse(text);
    if (!isUrl) return context.addIssue(rule);
    const sentence = databaseUrlFault(text);
    if (sentence !== undefined) context.addIssue({ code: 'custom', message: rule, params: { sentence } });
  });
}

/** A path is rejected: this setting is shared by machines. */
export function redisUrl() {
  return z.string().superRefine((text, context) => {
    const rule = 'redis://host or rediss://host, with :port and /database';
    const fault = text.startsWith('/') ? 'a path' : redisAddressFault(text);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: rule, params: { got: fault } });
  });
}

/** Such as `postgres:`; undefined if the text is no URL. */
export function protocolOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*:)\/\//i.exec(text)?.[1]?.toLowerCase();
}

/** As `pg` parses it, which accepts `postgres://user@/name?host=/folder`, where a strict parser misses the host. */
export function canParse(text: string): boolean {
  return URL.canParse(text) || URL.canParse(text.replace('@/', '@localhost/'));
}

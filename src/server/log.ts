import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Config } from '../config.ts';

export type Log = Logger;

/** Lines for a person at a terminal, JSON for everything else: files, pipes and containers. */
export function createLog({ logLevel }: Pick<Config, 'logLevel'>): Log {
  const options = { level: logLevel, base: null };
  if (!process.stdout.isTTY) return pino(options);
  return pino(options, PinoPretty({ translateTime: 'HH:MM:ss', ignore: 'pid,hostname', sync: true }));
}

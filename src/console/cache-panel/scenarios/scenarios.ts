/** The scenarios, in the order in which they are shown. */
import { coldThenWarm } from './cold-then-warm.ts';
import { expiry } from './expiry.ts';
import { oneLoad } from './one-load.ts';
import { redisRestart } from './redis-restart.ts';
import type { Scenario } from './scenario.ts';
import { writeInvalidates } from './write-invalidates.ts';

export const scenarios: readonly Scenario[] = [coldThenWarm, expiry, writeInvalidates, oneLoad, redisRestart];

/** The scenarios, in the order in which they are shown. */
import { coldThenWarm } from './cold-then-warm.ts';
import { expiry } from './expiry.ts';
import { oneLoad } from './one-load.ts';
import { redisRestart } from './redis-restart.ts';
import type { Scenario } from './scenario.ts';

export const scenarios: readonly Scenario[] = [coldThenWarm, expiry, oneLoad, redisRestart];

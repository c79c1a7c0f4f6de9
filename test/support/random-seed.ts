/**
 * Property tests draw the same values in each run, so that a run is green or red for everyone. `SEED=1 npm test` draws
 * others, to look for cases that nobody has thought of.
 */
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: Number(process.env['SEED'] ?? 20_261_126) });

/** Both sides of a comparison, or of one of its fields: names, bars on one scale, and times. */
import type { ReactElement } from 'react';
import { Bar } from '../shared/bar.tsx';
import { formatMs } from '../words/format.ts';
import { useShownMs, type Time } from '../shared/latency-view.tsx';

const sides = [
  ['database', 'Database'],
  ['cache', 'Cache'],
] as const;

export interface TimeBarsProps {
  /** Undefined: the field did not run on this side. */
  readonly database: Time | undefined;
  readonly cache: Time | undefined;
  /** The time of a bar of full length. */
  readonly fullMs: number;
}

export function TimeBars({ fullMs, ...times }: TimeBarsProps): ReactElement {
  const shownMs = useShownMs();
  return (
    <dl className="cache-panel-times">
      {sides.map(([side, name]) => {
        const time = times[side];
        const ms = time && shownMs(time);
        return (
          <div key={side}>
            <dt>{name}</dt>
            <dd>
              <Bar
                side={side}
                share={(ms ?? 0) / fullMs}
                simulatedShare={time && ms === time.ms ? Math.min(ms, time.simulatedMs) / fullMs : 0}
              />
              <span className="cache-panel-value">{ms === undefined ? '–' : formatMs(ms)}</span>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

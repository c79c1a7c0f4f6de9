/** How many rounds of how many simultaneous requests. */
import { useId, type FormEvent, type ReactElement } from 'react';
import { useRequest } from '../request/use-request.ts';
import { limits, useLoadTest } from './load-test-store.ts';
import { unhinderedMax } from './summary.ts';

/** @param props.status How the last test has ended. */
export function LoadTestForm({ status }: { status: string }): ReactElement {
  const { entered, running, start, stop } = useLoadTest();
  const request = useRequest();
  const isRunning = running !== undefined;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void start(request);
  };
  return (
    <form className="cache-panel-form" noValidate onSubmit={submit}>
      <div className="cache-panel-inputs">
        <NumberInput name="rounds" />
        <NumberInput name="concurrency" />
      </div>
      {Number(entered.concurrency) > unhinderedMax ? <ConnectionsNote /> : null}
      <div className="cache-panel-actions">
        <button type="submit" className="cache-panel-primary" aria-disabled={isRunning}>
          Start
        </button>
        <button type="button" className="cache-panel-secondary" aria-disabled={!isRunning} onClick={stop}>
          Stop
        </button>
        <span className="cache-panel-note" role="status">
          {status}
        </span>
      </div>
    </form>
  );
}

function NumberInput({ name }: { name: keyof typeof limits }): ReactElement {
  const { entered, enter } = useLoadTest();
  const id = useId();
  const { name: title, max } = limits[name];
  return (
    <div>
      <label htmlFor={id}>{title}</label>
      <input
        id={id}
        type="number"
        inputMode="numeric"
        min={1}
        max={max}
        value={entered[name]}
        onChange={(event) => enter(name, event.target.value)}
      />
    </div>
  );
}

function ConnectionsNote(): ReactElement {
  return (
    <p className="cache-panel-note">
      With HTTP/1.1, browsers open at most six connections to one host, and live updates hold one of them. Further
      simultaneous requests wait for a connection, and their time includes that.
    </p>
  );
}

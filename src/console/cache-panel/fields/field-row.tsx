/** One cached field: its bar, where its value came from, how long it remains, and its key. */
import { useState, type ReactElement } from 'react';
import { useStore } from 'zustand';
import { copyText } from '../copy-text.ts';
import { formatMs } from '../format.ts';
import type { ReportRow } from '../report.ts';
import { serverSettings } from '../server-settings.ts';
import { ageText, pathText, sourceText, stateMeaning, stateText, ttlLeft, ttlText } from './field-words.ts';
import { redisGetCommand } from './redis-command.ts';
import type { Bar } from './waterfall.ts';

interface FieldRowProps {
  readonly row: ReportRow;
  readonly bar: Bar | undefined;
  /** How long ago the response arrived; undefined if that is not known. */
  readonly sinceMs: number | undefined;
}

export function FieldRow({ row, bar, sinceMs }: FieldRowProps): ReactElement {
  const { path, field, source, state, durationMs, ageMs, ttlMs, key, notStored } = row;
  const facts = [sourceText(row), ageText(ageMs, sinceMs), ttlText(ttlMs, sinceMs)];
  return (
    <li className="cache-panel-field" data-source={source}>
      <div className="cache-panel-field-head">
        <code className="cache-panel-field-path">{pathText(path)}</code>
        <code className="cache-panel-field-name">{field}</code>
        <span className="cache-panel-field-duration">{formatMs(durationMs)}</span>
      </div>
      <div className="cache-panel-field-track" aria-hidden="true">
        <div style={{ left: `${bar?.startPercent ?? 0}%`, width: `${bar?.widthPercent ?? 0}%` }} />
      </div>
      <div className="cache-panel-field-facts">
        <strong title={stateMeaning(state)}>{stateText(state)}</strong>
        {facts.map((fact) => (fact === undefined ? null : <span key={fact.split(' ')[0]}>{fact}</span>))}
        <TtlBar left={ttlLeft(row, sinceMs)} />
      </div>
      {notStored === undefined ? null : <p className="cache-panel-field-reason">{`Not stored: ${notStored}`}</p>}
      <Key text={key} />
    </li>
  );
}

/** The figure next to it says the same. */
function TtlBar({ left }: { left: number | undefined }): ReactElement | null {
  if (left === undefined) return null;
  return (
    <span className="cache-panel-field-ttl" aria-hidden="true">
      <span style={{ transform: `scaleX(${left})` }} />
    </span>
  );
}

function Key({ text }: { text: string }): ReactElement {
  const redisCli = useStore(serverSettings, ({ settings }) => settings?.redisCli);
  const [copied, setCopied] = useState('');
  // Null: the values are not in Redis.
  const isInRedis = redisCli !== null;
  const copy = async (): Promise<void> => {
    const command = isInRedis ? redisGetCommand(text, redisCli) : text;
    setCopied((await copyText(command)) ? `Copied: ${command}` : `The browser does not allow copying. ${command}`);
  };
  return (
    <div className="cache-panel-field-key">
      <code title={text}>{text}</code>
      <button type="button" onClick={() => void copy()}>
        {isInRedis ? 'Copy redis-cli command' : 'Copy key'}
      </button>
      <span role="status">{copied}</span>
    </div>
  );
}

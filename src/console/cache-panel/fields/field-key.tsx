/** The key of an entry, with a button that copies the command that shows the entry in Redis. */
import { useState, type ReactElement } from 'react';
import { useStore } from 'zustand';
import { copyText } from './copy-text.ts';
import { serverSettings } from '../request/server-settings.ts';
import { redisGetCommand } from './redis-command.ts';

export function FieldKey({ text }: { text: string }): ReactElement {
  // Null: the values are not in Redis. Undefined: the server does not say.
  const redisCli = useStore(serverSettings, ({ settings }) => settings?.redisCli);
  const [copied, setCopied] = useState('');
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

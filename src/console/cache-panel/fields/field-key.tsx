/** The key of an entry, with a button that copies the command that shows the entry in Redis. */
import { useState, type ReactElement } from 'react';
import { copyText } from './copy-text.ts';
import { useServerSettings } from '../shared/use-server-settings.ts';
import { redisGetCommand } from './redis-command.ts';

export function FieldKey({ text }: { text: string }): ReactElement {
  const { redisCli } = useServerSettings();
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

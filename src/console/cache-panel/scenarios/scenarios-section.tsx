/** What the cache does in situations that are hard to produce by hand, one click each. */
import { pick, useGraphiQL } from '@graphiql/react';
import type { GraphQLSchema } from 'graphql';
import { useId, type ReactElement } from 'react';
import { useStore } from 'zustand';
import { operationIn } from '../request/operation.ts';
import { schemaHas } from '../request/schema-has.ts';
import type { ServerSettings } from '../request/server-settings.ts';
import { useServerSettings } from '../shared/use-server-settings.ts';
import { RunView } from './run-view.tsx';
import type { Scenario } from './scenario.ts';
import { playScenario, scenarioRuns, stopScenario, type Server } from './scenario-runs.ts';
import { scenarios } from './scenarios.ts';
import { StoppedRedis } from './stopped-redis.tsx';
import '../controls.css';
import './scenarios.css';

export function ScenariosSection(): ReactElement {
  const { schema, fetcher, headerEditor } = useGraphiQL(pick('schema', 'fetcher', 'headerEditor'));
  const settings = useServerSettings();
  const server = (): Server => ({ fetcher, headers: operationIn({ headerEditor }).headers });
  if (schema == null) return <p className="cache-panel-note">The schema is not known yet.</p>;
  const offered = scenarios.filter((scenario) => isOffered(scenario, schema, settings));
  if (offered.length === 0)
    return (
      <p className="cache-panel-note">The scenarios use fields of cachepot’s shop, which this server does not have.</p>
    );
  return (
    <div className="cache-panel-section cache-panel-scenarios">
      {settings.hasPrivateRedis ? <StoppedRedis server={server} /> : null}
      {offered.map((scenario) => (
        <ScenarioCard key={scenario.name} scenario={scenario} server={server} />
      ))}
    </div>
  );
}

function ScenarioCard({ scenario, server }: { scenario: Scenario; server: () => Server }): ReactElement {
  const { name, explanation } = scenario;
  const headingId = useId();
  const run = useStore(scenarioRuns, (runs) => runs[name]);
  const isOtherRunning = useStore(scenarioRuns, (runs) =>
    Object.entries(runs).some(([other, { state }]) => other !== name && state === 'running'),
  );
  const isRunning = run?.state === 'running';
  return (
    <section aria-labelledby={headingId}>
      <div className="cache-panel-scenario-head">
        <h3 id={headingId}>{name}</h3>
        {/* One button for both, so that the focus remains where it was. */}
        <button
          type="button"
          aria-describedby={headingId}
          className="cache-panel-secondary"
          aria-disabled={isOtherRunning}
          title={isOtherRunning ? 'Another scenario is running' : undefined}
          onClick={() => (isRunning ? stopScenario() : void playScenario(scenario, server))}
        >
          {isRunning ? 'Stop' : run === undefined ? 'Run' : 'Run again'}
        </button>
      </div>
      <p className="cache-panel-note">{explanation}</p>
      {run === undefined ? null : <RunView run={run} />}
    </section>
  );
}

function isOffered({ needs, isOffered: suits }: Scenario, schema: GraphQLSchema, settings: ServerSettings): boolean {
  return needs.every((coordinate) => schemaHas(schema, coordinate)) && (suits?.(settings) ?? true);
}

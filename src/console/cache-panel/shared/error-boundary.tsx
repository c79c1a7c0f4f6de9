/** Shows an error of a part of the panel in its place. Without this, React would remove the whole page. */
import { Component, type ReactNode } from 'react';
import { errorText } from '../words/error-text.ts';

interface Props {
  /** Such as `This section`. */
  readonly what: string;
  readonly children: ReactNode;
}

interface State {
  readonly fault: string | undefined;
}

export class ErrorBoundary extends Component<Props, State> {
  override readonly state: State = { fault: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { fault: errorText(error) };
  }

  override render(): ReactNode {
    const { fault } = this.state;
    if (fault === undefined) return this.props.children;
    return (
      <div className="cache-panel-alert" role="alert">
        <p>{`${this.props.what} has failed: ${fault}`}</p>
        <button type="button" className="cache-panel-small" onClick={() => this.setState({ fault: undefined })}>
          Try again
        </button>
      </div>
    );
  }
}

/** Shows an error of a section in its place. Without this, React would remove the whole page. */
import { Component, type ReactNode } from 'react';

interface Props {
  readonly children: ReactNode;
}

export class SectionBoundary extends Component<Props, { readonly fault: string | undefined }> {
  override readonly state: { readonly fault: string | undefined } = { fault: undefined };

  static getDerivedStateFromError(error: unknown): { readonly fault: string } {
    return { fault: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { fault } = this.state;
    if (fault === undefined) return this.props.children;
    return (
      <p className="cache-panel-alert" role="alert">
        This section has failed: {fault}
      </p>
    );
  }
}

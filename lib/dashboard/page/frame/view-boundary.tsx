import { Component, type ComponentChildren } from 'preact';
import { Notice } from './connection-notice.js';

interface ViewBoundaryProps {
  readonly children: ComponentChildren;
}

/** Keeps the frame when a view cannot be drawn, such as from the answer of another version. */
export class ViewBoundary extends Component<ViewBoundaryProps, { readonly problem?: string }> {
  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ problem: String(error) });
  }

  override render(): ComponentChildren {
    const { problem } = this.state;
    if (problem === undefined) return this.props.children;
    return (
      <Notice tone="error" title="This view cannot be drawn">
        <p>{problem}</p>
        <p>Reload the page: it may be older than the server.</p>
      </Notice>
    );
  }
}

/** Carries messages between the processes of a queue. */
export interface SignalChannel {
  publish(message: string): Promise<void>;
  /** Stays subscribed through outages; what is published meanwhile is lost. */
  subscribe(listener: (message: string) => void): Promise<void>;
  close(): Promise<void>;
}

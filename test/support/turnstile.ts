interface Inside {
  readonly leave: () => void;
  readonly fail: (error: unknown) => void;
}

/** What goes on in the bodies of tasks: they stay inside until a test lets them out, or they are aborted. */
export class Turnstile {
  /** Who has come in, in order. */
  readonly entered: string[] = [];
  /** How many of a group were inside at once, at most. */
  readonly most = new Map<string, number>();
  private readonly inside = new Map<string, Inside>();
  private readonly groups = new Map<string, number>();
  private isOpen = false;

  /** Those who are inside, in the order of their names. */
  get names(): string[] {
    return [...this.inside.keys()].toSorted();
  }

  /** @param groups to count who is inside by. */
  async stay(name: string, signal: AbortSignal, groups: readonly string[] = []): Promise<string> {
    this.entered.push(name);
    for (const group of groups) this.count(group, 1);
    try {
      if (!this.isOpen) await this.untilLeft(name, signal);
      return name;
    } finally {
      this.inside.delete(name);
      for (const group of groups) this.count(group, -1);
    }
  }

  letOut(name: string): void {
    this.find(name).leave();
  }

  fail(name: string, error: unknown = new Error('bad')): void {
    this.find(name).fail(error);
  }

  /** Nobody stays any more, who comes later neither. */
  open(): void {
    this.isOpen = true;
    for (const { leave } of this.inside.values()) leave();
  }

  private untilLeft(name: string, signal: AbortSignal): Promise<void> {
    return new Promise((leave, fail) => {
      this.inside.set(name, { leave, fail });
      signal.addEventListener('abort', () => fail(signal.reason as Error));
    });
  }

  private find(name: string): Inside {
    const inside = this.inside.get(name);
    if (inside === undefined) throw new Error(`${name} is not inside; ${this.names.join(', ') || 'nobody'} is`);
    return inside;
  }

  private count(group: string, change: 1 | -1): void {
    const count = (this.groups.get(group) ?? 0) + change;
    this.groups.set(group, count);
    this.most.set(group, Math.max(this.most.get(group) ?? 0, count));
  }
}

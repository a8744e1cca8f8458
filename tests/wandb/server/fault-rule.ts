// Faults by order: which requests fail, from which on, how often, and how.

interface FaultMatch {
  readonly method?: string;
  /** Part of the path, or a pattern for it. */
  readonly path?: string | RegExp;
  /** GraphQL operation. */
  readonly operation?: string;
}

/**
 * - `status`: answers so; `taken` says whether the request had its effect before.
 * - `reset-before`, `reset-after`: the connection breaks before or after the request had its effect.
 * - `hang`: no effect and no answer, until the client gives up or the server closes.
 * - `delay`: has its effect and is answered, but late.
 * - `stop`: a file stream request is taken and answered with `"stopped":true`, as when somebody presses Stop on W&B's page.
 */
export type FaultAction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly taken?: boolean;
    }
  | { readonly kind: 'reset-before' | 'reset-after' | 'hang' | 'stop' }
  | { readonly kind: 'delay'; readonly delayMs: number };

export interface FaultRule {
  /** Requests to the file stream where left out. */
  readonly match?: FaultMatch | undefined;
  /** The first matching request that fails, counted from 1, the default. */
  readonly nth?: number;
  /** How many fail from there on; 1 by default, Infinity for all. */
  readonly times?: number;
  /** Asked for each request that would fail: whether it does. For faults by chance. */
  readonly when?: () => boolean;
  /** The same each time, or asked for each time. */
  readonly action: FaultAction | (() => FaultAction);
}

/** A rule at work. */
export interface Fault {
  /** Requests that failed so far. */
  readonly hits: number;
  /** No further request fails. */
  clear(): void;
}

const FILE_STREAM: FaultMatch = { method: 'POST', path: /^\/files\/.*\/file_stream$/u };

interface ActiveFault {
  readonly rule: FaultRule;
  seen: number;
  hits: number;
  cleared: boolean;
}

export class FaultScript {
  readonly #faults: ActiveFault[] = [];

  add(rule: FaultRule): Fault {
    const fault: ActiveFault = { rule, seen: 0, hits: 0, cleared: false };
    this.#faults.push(fault);
    return {
      get hits(): number {
        return fault.hits;
      },
      clear: () => {
        fault.cleared = true;
      },
    };
  }

  /** What happens to a request: the action of the first rule that strikes. */
  strike(method: string, path: string, operation: string | undefined): FaultAction | undefined {
    let action: FaultAction | undefined;
    for (const fault of this.#faults) {
      const { rule } = fault;
      if (fault.cleared || !matches(rule.match ?? FILE_STREAM, method, path, operation)) continue;
      fault.seen += 1;
      const due = fault.seen >= (rule.nth ?? 1) && fault.hits < (rule.times ?? 1);
      if (!due || action !== undefined || rule.when?.() === false) continue;
      fault.hits += 1;
      action = typeof rule.action === 'function' ? rule.action() : rule.action;
    }
    return action;
  }
}

function matches(match: FaultMatch, method: string, path: string, operation: string | undefined): boolean {
  if (match.method !== undefined && match.method !== method) return false;
  if (match.operation !== undefined && match.operation !== operation) return false;
  if (match.path === undefined) return true;
  return typeof match.path === 'string' ? path.includes(match.path) : match.path.test(path);
}

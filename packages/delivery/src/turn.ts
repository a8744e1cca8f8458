/**
 * Turns of the process's loop, taken by all deliveries in it: one batch each. A process that delivers many runs would else
 * do a batch of every one of them before it looks at its sockets and timers again.
 */

const waiting: (() => void)[] = [];

/** Resolves in a later turn of the loop, in which nobody else's does. First come, first served. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(serve);
  });
}

function serve(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(serve);
}

/**
 * What still has to happen when the process ends without close. One listener serves all publishers of the process; it goes
 * first, since an earlier one that throws or exits would skip it.
 */

type ExitCallback = (exitCode: number) => void;

const callbacks = new Set<ExitCallback>();

function runCallbacks(exitCode: number): void {
  for (const callback of callbacks) callback(exitCode);
}

/** Calls back, synchronously, when the process exits. Returns what takes it back. */
export function onProcessExit(callback: ExitCallback): () => void {
  if (callbacks.size === 0) process.prependListener('exit', runCallbacks);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size === 0) process.removeListener('exit', runCallbacks);
  };
}

/** Where the module of the sink lies: beside whichever module asks, as source or as built. */

/** The URL of the sink's module, given the URL of a module in the same folder. */
export function sinkModule(neighbour: string): string {
  return new URL(neighbour.endsWith('.ts') ? './sink.ts' : './sink.js', neighbour).href;
}

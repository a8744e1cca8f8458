/** A module that a spec names by mistake. */
export const createSink = 'not a function';

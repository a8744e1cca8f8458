/** What a process and its machine use while a run goes on, as records of its log. */
export * from './system-monitor.ts';

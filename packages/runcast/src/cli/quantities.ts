/** Numbers as people read them. */

import type { ScalarMap } from '@runcast/core';

/** `12,345`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 record`, `12,345 records`. */
export function formatRecords(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'record' : 'records'}`;
}

/** `1 byte`, `12,345 bytes`. */
export function formatBytes(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'byte' : 'bytes'}`;
}

/** `0.4 s`, `45 s`, `2 min 05 s`, `3 h 07 min`, `2 d 4 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${twoDigits(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** `2026-11-21 09:46:21`, in UTC. */
export function formatTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** `09:46:21`, in UTC. */
export function formatClock(unixSeconds: number): string {
  return formatTime(unixSeconds).slice(11);
}

/** To six digits, in the fewest characters. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** `train/loss 0.5  train/perplexity 1.65`. */
export function formatMetrics(metrics: ScalarMap): string {
  return Object.entries(metrics)
    .map(([key, value]) => `${key} ${typeof value === 'number' ? formatNumber(value) : value}`)
    .join('  ');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

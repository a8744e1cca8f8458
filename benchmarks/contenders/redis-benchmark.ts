/** What the server takes from its own load generator, written in C: the same fields again and again, 500 commands at a time. */

import { execFileSync } from 'node:child_process';
import { RedisServer } from '../../tests/support/redis-server.ts';
import { plainEntry, STREAM } from './plain-entry.ts';
import { stepRecord } from './step-records.ts';
import { answer, readWorkload } from './workload.ts';

const { count, args } = readWorkload();
const [command = '', generator = ''] = args;
const server = await RedisServer.start({ name: 'the server', command });
const options = ['-p', server.port, '-n', count, '-P', 500, '--csv'].map(String);
const entry = plainEntry(stepRecord(123_456)).map(String);
const output = execFileSync(generator, [...options, 'XADD', ...entry], { encoding: 'utf8' });
const entries = Number(await server.call('XLEN', STREAM));
await server.end();
// The line of figures after that of names: the command in quotation marks, then the rate.
const rate = /^"XADD .*","([\d.]+)"(?:,"[\d.]+"){6}$/mu.exec(output)?.[1];
if (rate === undefined || entries < count) throw new Error(`${entries} entries of ${count}: ${output}`);
answer({ 'records/s': Number(rate) });

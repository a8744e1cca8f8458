/** Whether a server can be used as configured, tried without leaving anything there. */

import { withRedis } from './connection.ts';

/** Resolves to what answered; rejects with why it cannot be used, and what to do. */
export async function probeServer(url: string, stream: string): Promise<string> {
  return withRedis(url, async (connection) => {
    const type = String(await connection.call('TYPE', stream));
    const isFree = type === 'none';
    if (!isFree && type !== 'stream')
      throw new Error(`${connection.address} holds a ${type} at ${stream}; set REDIS__STREAM to another name`);
    const length = isFree ? 0 : Number(await connection.call('XLEN', stream));
    const role = [await connection.call('ROLE')].flat();
    if (role[0] !== 'master') throw new Error(`${connection.address} is a replica: set REDIS__URL to the primary`);
    return `${connection.address} answers; ${stream} has ${length} entries`;
  });
}

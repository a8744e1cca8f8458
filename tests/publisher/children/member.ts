// A process that joins the run its environment names, says so, and logs until its standard input ends.
import { publisherFromEnv } from 'runcast';

const publisher = await publisherFromEnv();
for (let step = 1; step <= 100; step += 1) publisher.logStep({ step: 1000 + step, loss: 1 / step });
console.log(publisher.health().host);
for await (const _ of process.stdin);
for (let step = 101; step <= 200; step += 1) publisher.logStep({ step: 1000 + step, loss: 1 / step });
const report = await publisher.close();
console.log(JSON.stringify({ complete: report.complete, host: report.health.host }));

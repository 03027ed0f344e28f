// Runs a replay on several threads, each with its own connections, and prints the result as one line of JSON. The
// caller gives the client: `connect(port)` returns { keys(), pages(ranges), close() }, where `keys` yields arrays of
// keys, and `pages` sends all XRANGE commands at once and returns the undecoded replies.
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { push, wallet } from "./fold.js";

const PAGE = 1000;
// The number of XRANGE commands in one pipeline, and of concurrent pipelines per thread: one is in flight while another
// is folded.
const PIPELINE = 250;
const BUSY = 3;

async function fold(connect, port, keys) {
  const total = { wallets: 0, events: 0, posted: 0, held: 0 };
  let next = 0;
  const work = async () => {
    const client = await connect(port);
    while (next < keys.length) {
      let wanted = keys.slice(next, next + PIPELINE).map((key) => ({ key, from: "-", state: wallet() }));
      next += PIPELINE;
      while (wanted.length > 0) {
        const pages = await client.pages(wanted.map(({ key, from }) => ["xrange", key, from, "+", "COUNT", String(PAGE)]));
        const rest = [];
        for (let i = 0; i < pages.length; i++) {
          const { state } = wanted[i];
          for (const [, fields] of pages[i]) push(state, fields);
          total.events += pages[i].length;
          if (pages[i].length === PAGE) {
            rest.push({ ...wanted[i], from: `(${pages[i].at(-1)[0]}` });
          } else {
            total.wallets += 1;
            total.posted += state.posted;
            total.held += state.held;
          }
        }
        wanted = rest;
      }
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: BUSY }, work));
  return total;
}

export async function run(connect, file) {
  if (!isMainThread) {
    parentPort.postMessage(await fold(connect, workerData.port, workerData.keys));
    return;
  }
  const [port, threads] = process.argv.slice(2).map(Number);
  const begin = process.hrtime.bigint();
  const client = await connect(port);
  const all = new Set();
  for await (const keys of client.keys()) for (const key of keys) if (!key.endsWith(":feed")) all.add(key);
  await client.close();
  const keys = [...all];
  const share = Math.ceil(keys.length / threads);
  const totals = await Promise.all(
    Array.from({ length: threads }, (_, n) => {
      const mine = keys.slice(n * share, (n + 1) * share);
      if (threads === 1) return fold(connect, port, mine);
      return new Promise((done, fail) => {
        const worker = new Worker(new URL(file), { workerData: { port, keys: mine } });
        worker.once("message", done);
        worker.once("error", fail);
      });
    }),
  );
  const sum = (name) => totals.reduce((sum, total) => sum + total[name], 0);
  const micros = Number((process.hrtime.bigint() - begin) / 1000n);
  console.log(JSON.stringify({ wallets: sum("wallets"), events: sum("events"), posted: sum("posted"), held: sum("held"), micros }));
}

// A small ledger for one test, so that tests do not affect each other.

import { binary } from "./ledger.ts";
import { run } from "./process.ts";

type Event = [subject: string, type: string, data: object];

const euros = (amount: string) => ({ amount, currency: "EUR" });

/** CloudEvents, one a line, each one second after the previous one. */
export function lines(events: Event[], from = 0): string {
  return events
    .map(([subject, type, data], index) =>
      JSON.stringify({
        specversion: "1.0",
        source: `/${type.split(".")[0]}`,
        subject,
        id: `${subject}.${from + index}`,
        type,
        time: new Date(Date.UTC(2026, 0, 1, 0, 0, from + index)).toISOString(),
        data,
      }))
    .map((line) => `${line}\n`)
    .join("");
}

/** Wallet `W-NAME` with 100 euros of which 5 are held, and order `O-NAME` with the approved refund `R-NAME` of 10. */
export function story(name: string): string {
  const [wallet, order, refund] = [`W-${name}`, `O-${name}`, `R-${name}`];
  return lines([
    [wallet, "wallet.opened", { owner: { id: `C-${name}`, name: "Grace Whole-Name" }, currency: "EUR" }],
    [wallet, "wallet.credited", { amount: euros("100"), kind: "top_up" }],
    [wallet, "wallet.held", { hold: `H-${name}`, amount: euros("5") }],
    [order, "order.placed", { wallet, customer: { id: `C-${name}`, name: "Grace Whole-Name" }, total: euros("30") }],
    [order, "order.paid", { payment: "P-1", amount: euros("30"), method: "card" }],
    [order, "order.refund_requested", { refund, amount: euros("10"), reason: "return", destination: "wallet" }],
    [order, "order.refund_approved", { refund }],
  ]);
}

/** Appends to the stores of a running ledger, as another program would. */
export async function append(environment: Record<string, string>, events: string): Promise<void> {
  await run(binary, ["import", "-"], environment, events);
}

/** One more top-up of 1 euro by another program. */
export function topUp(name: string): string {
  return lines([[`W-${name}`, "wallet.credited", { amount: euros("1"), kind: "top_up" }]], 100);
}

export interface Wallet {
  posted: string;
  held: string;
  complete: boolean;
  entries: { type: string }[];
}

export interface Order {
  refunded: string;
  complete: boolean;
  refunds: { state: string }[];
}

/** An entity as the command line prints it. */
export async function read<T>(environment: Record<string, string>, kind: "wallet" | "order", id: string): Promise<T> {
  return JSON.parse(await run(binary, [kind, id, "--json"], environment)) as T;
}

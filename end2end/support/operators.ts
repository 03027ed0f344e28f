// The operators of the tests: one a role, and a second one of finance, all with the same password. Also sign-in without
// the page, and a client of the server functions.

import { binary } from "./ledger.ts";
import { run } from "./process.ts";

export const ROLES = ["viewer", "support", "finance", "finance2", "admin"] as const;
export type Role = (typeof ROLES)[number];

export const PASSWORD = "correct horse battery staple";

export interface Cookie {
  name: string;
  value: string;
  domain: string;
  path: string;
  expires: number;
  httpOnly: boolean;
  secure: boolean;
  sameSite: "Strict" | "Lax" | "None";
}

/** Adds the operators to an empty store. Finance may issue 50 euros at once and 200 a day. */
export async function addOperators(environment: Record<string, string>): Promise<void> {
  for (const name of ROLES) {
    const role = name.replace("2", "");
    const limits = role === "finance" ? ["--limit", "EUR=50/200"] : [];
    await run(binary, ["operator", "add", name, "--role", role, "--password-stdin", ...limits], environment, PASSWORD);
  }
}

/** Signs in as the form does, and returns the session's cookie. */
export async function signIn(url: string, role: Role): Promise<Cookie> {
  const body = new URLSearchParams({ "form[name]": role, "form[password]": PASSWORD });
  const response = await fetch(`${url}/api/sign-in`, { method: "POST", body, headers: { accept: "application/json" }, redirect: "manual" });
  const [, name, value] = /^([^=]+)=([^;]+)/.exec(response.headers.get("set-cookie") ?? "") ?? [];
  if (!name || !value) {
    throw new Error(`no session for ${role}: ${response.status} ${await response.text()}`);
  }
  return {
    name, value, domain: new URL(url).hostname, path: "/", expires: -1, httpOnly: true, secure: false, sameSite: "Strict",
  };
}

/** A client that calls the server functions as one of the operators. */
export class Client {
  constructor(private readonly url: string, private readonly cookie: Cookie) {}

  static async signedIn(url: string, role: Role): Promise<Client> {
    return new Client(url, await signIn(url, role));
  }

  /** Calls a function that takes JSON and returns its answer. */
  async ask<T>(name: string, input: object): Promise<T> {
    const response = await this.post(name, JSON.stringify(input), "application/json");
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${name}: ${response.status} ${text}`);
    }
    return JSON.parse(text) as T;
  }

  /** Sends a form with the field names of a page without JavaScript. */
  async send(name: string, form: Record<string, string>): Promise<Response> {
    const fields = Object.entries(form).map(([field, value]) => [`form[${field}]`, value]);
    return this.post(name, new URLSearchParams(fields).toString(), "application/x-www-form-urlencoded");
  }

  private post(name: string, body: string, type: string): Promise<Response> {
    const headers = {
      cookie: `${this.cookie.name}=${this.cookie.value}`,
      "content-type": type,
      accept: "application/json",
    };
    return fetch(`${this.url}/api/${name}`, { method: "POST", body, headers, redirect: "manual" });
  }

  /** Reads the token that the forms of this session contain. */
  private async formToken(): Promise<string> {
    const headers = { cookie: `${this.cookie.name}=${this.cookie.value}` };
    const page = await (await fetch(`${this.url}/sign-in`, { headers })).text();
    const token = /name="form_token" value="([^"]+)"/.exec(page)?.[1];
    if (token === undefined) {
      throw new Error("the page has no form token");
    }
    return token;
  }

  /** Previews a compensation. Returns the fields of the confirmation, without a password. */
  async preview(draft: Record<string, string>): Promise<Record<string, string>> {
    const formToken = await this.formToken();
    const full = { command: "", subject: "", item: "", amount: "", reason: "", note: "", ...draft };
    const form = await this.ask<{ outcome: { ready?: Preview } }>("compensation-form", { draft: full, seen: "" });
    const preview = form.outcome.ready;
    if (!preview) {
      throw new Error(`nothing to issue: ${JSON.stringify(form.outcome)}`);
    }
    const seen = preview.pins.map(({ domain, id, sequence }) => `${domain}:${id}:${sequence}`).join(",");
    return {
      ...full,
      case: preview.case,
      command_hash: preview.command_hash,
      seen,
      amount_again: preview.amount.amount,
      password: PASSWORD,
      form_token: formToken,
    };
  }
}

interface Preview {
  case: string;
  command_hash: string;
  pins: { domain: string; id: string; sequence: number }[];
  amount: { amount: string };
}

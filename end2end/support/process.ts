// Starts and stops programs, so that no test leaves one running.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Longest wait for a program to be ready or to end, in milliseconds. */
const PATIENCE = 20_000;

/** Running programs. They are killed when the test run exits, even after a failed start or a crash. */
const running = new Set<ChildProcess>();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export interface Program {
  readonly child: ChildProcess;
  /** The output so far. */
  output(): string;
  /** Sends SIGTERM, waits for the end and returns the exit code. */
  stop(): Promise<number | null>;
  /** Kills the program as a crash would. */
  crash(): Promise<void>;
}

/** Starts a program and waits until its output matches `ready`. `captured` is the first group of the match. */
export async function start(
  command: string,
  args: string[],
  environment: Record<string, string>,
  ready: RegExp,
): Promise<Program & { captured: string }> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const captured = await new Promise<string>((resolve, reject) => {
    const giveUp = (why: string) => {
      child.kill("SIGKILL");
      reject(new Error(`${command} ${args.join(" ")}: ${why}\n${output}`));
    };
    const timer = setTimeout(() => giveUp("not ready in time"), PATIENCE);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const match = ready.exec(output);
      if (match) {
        clearTimeout(timer);
        resolve(match[1] ?? "");
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", (error) => giveUp(error.message));
    child.once("exit", (code) => {
      clearTimeout(timer);
      giveUp(`ended with ${code}`);
    });
  });
  return {
    child,
    captured,
    output: () => output,
    stop: async () => {
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
      const code = await ended;
      clearTimeout(kill);
      return code;
    },
    crash: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs a program to its end, with `input` on standard input, and returns its output. Fails if the program fails. */
export async function run(
  command: string,
  args: string[],
  environment: Record<string, string>,
  input = "",
): Promise<string> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ["pipe", "pipe", "pipe"] });
  // An error is ignored, because a program need not read its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    throw new Error(`${command} ${args.join(" ")}: ended with ${code}\n${output}`);
  }
  return output;
}

// Browser tests against the real server. Every test runs twice: on SQLite and on six Redis servers. The fixtures start
// and stop what a test needs.

import { defineConfig } from "@playwright/test";
import type { StoreOption } from "./fixtures.ts";

export default defineConfig<StoreOption>({
  testDir: "tests",
  outputDir: "test-results",
  forbidOnly: true,
  // A flaky test counts as failed.
  retries: 0,
  workers: 2,
  // A debug build on two cores that other programs use, too.
  timeout: 60_000,
  expect: { timeout: 15_000 },
  use: {
    locale: "en-GB",
    timezoneId: "America/New_York", // Far from UTC, so that a time rendered in the reader's zone shows up.
    viewport: { width: 1280, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.LEDGERSCOPE_CHROMIUM ?? "/usr/bin/chromium",
      // There is no GPU in a container. Background requests are disabled.
      args: [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    // Only Redis servers can be stopped during a test.
    { name: "sqlite", use: { store: "sqlite" }, grepInvert: /@redis/ },
    { name: "redis", use: { store: "redis" } },
  ],
});

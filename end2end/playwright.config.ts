// Browser tests against the real server. Every test runs twice: on SQLite and on four Redis servers. Nothing is started
// here; the fixtures start what a test needs and stop it again.

import { defineConfig } from "@playwright/test";
import type { StoreOption } from "./fixtures.ts";

export default defineConfig<StoreOption>({
  testDir: "tests",
  outputDir: "test-results",
  forbidOnly: true,
  // A test that passes only sometimes is a test that fails.
  retries: 0,
  workers: 2,
  // A dev build on two cores that do other things besides.
  timeout: 60_000,
  expect: { timeout: 15_000 },
  use: {
    locale: "en-GB",
    timezoneId: "America/New_York", // Far from UTC, so that a time rendered in the reader's zone shows up.
    viewport: { width: 1280, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.LEDGERSCOPE_CHROMIUM ?? "/usr/bin/chromium",
      // No GPU in a container, and nothing that calls home.
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
    // A store of one's own that can go away is a matter of Redis only.
    { name: "sqlite", use: { store: "sqlite" }, grepInvert: /@redis/ },
    { name: "redis", use: { store: "redis" } },
  ],
});

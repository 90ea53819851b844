import { defineConfig } from "vitest/config";

/** `npm run test:faults`: the real daemon under faults, one file at a time. */
export default defineConfig({
  test: {
    include: ["test/faults/**/*.test.ts"],
    passWithNoTests: true,
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    // In full, some last for hours.
    testTimeout: process.env.FAULTS === "full" ? 6 * 3_600_000 : 900_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});

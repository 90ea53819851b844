import { defineConfig } from "vitest/config";

/** `npm test`: everything that is quick. What kills daemons for minutes is in test/faults (`npm run test:faults`). */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/faults/**"],
    pool: "forks",
    // Tests start daemons, workers and browsers of their own: more files at a time than cores would make them slow, not fast.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});

import type { CountsMessage, StatusMessage, Topic } from "../../src/publication/index.js";
import { streamUrl, TestClient } from "../publication/harness.js";
import type { DaemonProcess } from "./program.js";

/** A client of the daemon's stream that has subscribed. Every message that it gets is checked against the schemas. */
export const subscribe = async (daemon: DaemonProcess, ...topics: readonly Topic[]): Promise<TestClient> => {
  const client = new TestClient(streamUrl(daemon));
  await client.next("hello");
  client.send({ type: "subscribe", topics });
  await client.next("subscriptions");
  return client;
};

/** The next counts for which a condition holds. */
export const countsWhere = async (
  client: TestClient,
  condition: (counts: CountsMessage) => boolean,
): Promise<CountsMessage> => {
  for (;;) {
    const counts = await client.next("counts");
    if (condition(counts)) return counts;
  }
};

/** The next status for which a condition holds. */
export const statusWhere = async (
  client: TestClient,
  condition: (status: StatusMessage) => boolean,
): Promise<StatusMessage> => {
  for (;;) {
    const status = await client.next("status");
    if (condition(status)) return status;
  }
};

/** Cells by class, without the classes of which there is none. */
export const countsByClass = ({ classes }: Pick<CountsMessage, "classes">): Record<string, number> =>
  Object.fromEntries(classes.filter(({ count }) => count > 0).map((row) => [row.class, row.count]));

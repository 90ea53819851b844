import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MjpegServerOptions {
  readonly pictures: readonly Uint8Array[];
  readonly framesPerSecond: number;
  readonly port?: number;
}

/** A network camera: pictures in turn as multipart JPEG over HTTP, to as many as ask. */
export interface MjpegServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Pictures given to all clients together. */
  readonly sent: number;
  /** Connections that are open. */
  readonly clients: number;
  /** Keeps all connections open and sends nothing more, until `thaw`. */
  freeze(): void;
  thaw(): void;
}

/** Starts the camera; disposing of it cuts its connections, as when its plug is pulled. */
export const startMjpegServer = async (options: MjpegServerOptions): Promise<MjpegServer> => {
  const { pictures, framesPerSecond } = options;
  const clients = new Set<ServerResponse>();
  let frozen = false;
  let sent = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "multipart/x-mixed-replace; boundary=picture" });
    clients.add(response);
    response.on("close", () => clients.delete(response));
    response.on("error", () => clients.delete(response));
  }).listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const send = (): void => {
    if (frozen) return;
    const picture = pictures[sent % pictures.length]!;
    for (const client of clients) {
      client.write(`--picture\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
      client.write(picture);
      client.write("\r\n");
    }
    if (clients.size > 0) sent++;
  };
  const timer = setInterval(send, 1000 / framesPerSecond);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/stream`,
    port,
    get sent() {
      return sent;
    },
    get clients() {
      return clients.size;
    },
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
};

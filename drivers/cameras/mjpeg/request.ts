import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { CytoError, type ErrorCode } from "../../../src/core/index.js";
import { redirected, type StreamAddress } from "./address.js";

export interface StreamRequest {
  readonly address: StreamAddress;
  readonly signal: AbortSignal;
  readonly maxRedirects: number;
  readonly verifyTls: boolean;
}

const refusals: Readonly<Record<number, ErrorCode>> = {
  401: "CAMERA_DENIED",
  403: "CAMERA_DENIED",
  404: "CAMERA_SOURCE_NOT_FOUND",
  410: "CAMERA_SOURCE_NOT_FOUND",
  429: "CAMERA_BUSY",
};

function refusal(status: number, { shown }: StreamAddress): CytoError {
  const code = refusals[status] ?? (status >= 500 ? "CAMERA_UNREACHABLE" : "CAMERA_UNSUPPORTED");
  return new CytoError(code, `${shown} answers with HTTP ${status}.`, { context: { source: shown, status } });
}

/** What failed of a connection, by the code that Node gives it. The message of its error repeats addresses only. */
function connectionError(error: unknown, { shown }: StreamAddress): CytoError {
  if (error instanceof CytoError) return error;
  const code = String((error as NodeJS.ErrnoException).code ?? "");
  const context = { source: shown, code };
  if (/^(ERR_TLS|CERT|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code)) {
    return new CytoError("CAMERA_DENIED", `${shown} cannot prove who it is (${code}).`, {
      context,
      remedy: "Give the camera a certificate that this machine trusts, or set `camera.options.verifyTls` to false.",
    });
  }
  // What does not speak HTTP.
  if (/^(HPE_|EPROTO)/.test(code)) {
    return new CytoError("CAMERA_UNSUPPORTED", `${shown} does not answer as a web server does (${code}).`, { context });
  }
  return new CytoError("CAMERA_UNREACHABLE", `${shown} cannot be reached (${code || "no reason given"}).`, { context });
}

function ask({ address, signal, verifyTls }: StreamRequest): Promise<IncomingMessage> {
  const { url, authorization } = address;
  const headers = {
    accept: "multipart/x-mixed-replace, image/jpeg",
    ...(authorization === undefined ? {} : { authorization }),
  };
  return new Promise((resolve, reject) => {
    const options = { headers, signal, agent: false as const, maxHeaderSize: 16_384 };
    const asked =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, rejectUnauthorized: verifyTls })
        : httpRequest(url, options);
    asked.once("response", resolve);
    asked.on("error", (error) => reject(signal.aborted ? signal.reason : connectionError(error, address)));
    asked.end();
  });
}

/**
 * Asks for a stream, follows redirections, and gives the answer whose body is the stream.
 * @throws CytoError CAMERA_UNREACHABLE, CAMERA_DENIED, CAMERA_BUSY, CAMERA_SOURCE_NOT_FOUND, CAMERA_UNSUPPORTED; what the signal's abortion gives
 */
export async function requestStream(request: StreamRequest): Promise<IncomingMessage> {
  let { address } = request;
  for (let redirects = 0; ; redirects++) {
    const response = await ask({ ...request, address });
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    response.destroy();
    const { location } = response.headers;
    if (status < 300 || status > 399 || location === undefined) throw refusal(status, address);
    if (redirects >= request.maxRedirects) {
      throw new CytoError("CAMERA_UNSUPPORTED", `${request.address.shown} redirects more than ${redirects} times.`, {
        context: { source: request.address.shown, maxRedirects: request.maxRedirects },
      });
    }
    address = redirected(address, location);
  }
}

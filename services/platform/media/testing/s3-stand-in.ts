import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** Who may use the stand-in. */
export const standInKey = { id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" } as const;

/** What of a request is signed. */
export interface SignedRequest {
  readonly method: string;
  /** Percent-encoded, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** An object that was put. */
export interface StoredObject {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

/**
 * As much of S3 as files need: PUT, GET and DELETE of objects. It takes only requests that are signed as "Authenticating
 * Requests: Using the Authorization Header (AWS Signature Version 4)" has it, and whose body is the one that was signed.
 */
export class S3StandIn {
  /** By path: `/bucket/key`. */
  readonly objects = new Map<string, StoredObject>();
  readonly requests: string[] = [];
  /** What the next requests are answered with, instead. */
  readonly failures: { readonly status: number; readonly headers?: Record<string, string> }[] = [];
  /** Where true, requests wait for good. */
  isSilent = false;
  private readonly server = createServer((request, response) => {
    this.answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });

  static async start(): Promise<S3StandIn> {
    const standIn = new S3StandIn();
    standIn.server.listen(0, "127.0.0.1");
    await once(standIn.server, "listening");
    return standIn;
  }

  /** What MEDIA_URL is to be. */
  mediaUrl(path = "/pictures", { id, secret }: { readonly id: string; readonly secret: string } = standInKey): string {
    const { port } = this.server.address() as AddressInfo;
    return `s3+http://${id}:${encodeURIComponent(secret)}@127.0.0.1:${port}${path}?region=eu-west-3`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const body = await buffer(request);
    this.requests.push(`${method} ${url}`);
    if (this.isSilent) return;
    const failure = this.failures.shift();
    if (failure) return refuse(response, failure.status, "SlowDown", failure.headers);
    const wrong = whatIsWrong({ method, path: url, headers }, body);
    if (wrong) return refuse(response, 403, wrong);
    if (method === "PUT") {
      this.objects.set(url, { bytes: body, contentType: headers["content-type"] });
      response.end();
    } else if (method === "DELETE") {
      this.objects.delete(url);
      response.writeHead(204).end();
    } else {
      const found = this.objects.get(url);
      if (found) response.end(found.bytes);
      else refuse(response, 404, "NoSuchKey");
    }
  }
}

/** The signature that a request must have, by the key and the headers that its Authorization names. */
export function signatureOf(request: SignedRequest, secret: string): string {
  const { scope, signedHeaders } = authorizationOf(request);
  const [path, query = ""] = request.path.split("?");
  const canonical = [
    request.method,
    path,
    query.split("&").sort().join("&"),
    ...signedHeaders.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    "",
    signedHeaders.join(";"),
    request.headers["x-amz-content-sha256"],
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope.join("/"), sha256(canonical)].join("\n");
  const key = scope.reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secret}`));
  return hmac(key, toSign).toString("hex");
}

function whatIsWrong(request: SignedRequest, body: Buffer): string | undefined {
  const { keyId, scope, signature } = authorizationOf(request);
  const date = String(request.headers["x-amz-date"]);
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (keyId !== standInKey.id) return "InvalidAccessKeyId";
  if (scope.join("/") !== `${date.slice(0, 8)}/eu-west-3/s3/aws4_request`) return "AuthorizationHeaderMalformed";
  if (!(Math.abs(Date.now() - at) < 900_000)) return "RequestTimeTooSkewed";
  if (request.headers["x-amz-content-sha256"] !== sha256(body)) return "XAmzContentSHA256Mismatch";
  return signature === signatureOf(request, standInKey.secret) ? undefined : "SignatureDoesNotMatch";
}

function authorizationOf({ headers }: SignedRequest) {
  const form = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, keyId, scope = "", signedHeaders = "", signature] = form.exec(String(headers.authorization)) ?? [];
  return { keyId, scope: scope.split("/"), signedHeaders: signedHeaders.split(";"), signature };
}

function refuse(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, headers)
    .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No</Message></Error>`);
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

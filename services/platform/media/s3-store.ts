import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import type { Bucket } from "./bucket.ts";
import { checkedKey, type MediaFile, type MediaStore } from "./media-store.ts";

/** How long the store may take for one file, all attempts together, in milliseconds. */
const patienceMs = 5_000;

/** How often it is asked again where it fails. */
const retries = 2;

/** How much of what it says of a failure is read, in characters. */
const mostExplanation = 4_000;

/** Keeps files in a bucket of any store that speaks S3 (path-style, Signature Version 4). */
export class S3Store implements MediaStore {
  private readonly bucket: Bucket;
  private readonly client: AwsClient;

  constructor(bucket: Bucket) {
    const { region, accessKeyId, secretAccessKey } = bucket;
    this.bucket = bucket;
    this.client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries });
  }

  async put(key: string, { bytes, contentType }: MediaFile): Promise<void> {
    const body = new Uint8Array(bytes);
    const response = await this.ask("PUT", key, { body, headers: { "content-type": contentType } });
    if (!response.ok) throw await failureOf(response, "PUT", key);
    await response.body?.cancel();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const response = await this.ask("GET", key);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    if (response.status !== 404) throw await failureOf(response, "GET", key);
    await response.body?.cancel();
    return undefined;
  }

  async remove(key: string): Promise<void> {
    const response = await this.ask("DELETE", key);
    if (!response.ok && response.status !== 404) throw await failureOf(response, "DELETE", key);
    await response.body?.cancel();
  }

  private ask(
    method: string,
    key: string,
    { body, headers }: { readonly body?: Uint8Array<ArrayBuffer>; readonly headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const digest = createHash("sha256")
      .update(body ?? "")
      .digest("hex");
    return this.client.fetch(new URL(checkedKey(key), this.bucket.url), {
      method,
      // What is signed has the digest, so that the store refuses what has changed on the way.
      headers: { ...headers, "x-amz-content-sha256": digest },
      ...(body && { body }),
      // Nobody else is to be shown what was signed.
      redirect: "error",
      signal: AbortSignal.timeout(patienceMs),
    });
  }
}

/** What the store says of a failure: `403 SignatureDoesNotMatch`. */
async function failureOf(response: Response, method: string, key: string): Promise<Error> {
  const text = (await response.text()).slice(0, mostExplanation);
  const code = /<Code>([A-Za-z0-9.]+)<\/Code>/.exec(text)?.[1] ?? "";
  return new Error(`The bucket answers ${method} ${key} with ${response.status} ${code}`.trimEnd());
}

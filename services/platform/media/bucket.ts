/** A place in a bucket of an S3-compatible store. */
export interface Bucket {
  /** Where the keys begin, with a slash at the end: `https://s3.example.com/pictures/giftmesh/`. */
  readonly url: URL;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What `parseBucket` reads, for people. */
export const bucketForm =
  "s3+https://key:secret@host/bucket?region=name, or s3+http; key and secret percent-encoded, the region us-east-1 unless given";

const pathForm = /^(\/[A-Za-z0-9][A-Za-z0-9._-]*)+\/?$/;
const regionForm = /^[a-z0-9-]{1,64}$/;

/** Reads where a bucket is and who may use it; undefined where a text does not say it. */
export function parseBucket(text: string): Bucket | undefined {
  const url = /^s3\+https?:\/\//.test(text) ? URL.parse(text.slice("s3+".length)) : null;
  if (!url || url.hash || !pathForm.test(url.pathname)) return undefined;
  const { region = "us-east-1", ...others } = Object.fromEntries(url.searchParams);
  const [accessKeyId, secretAccessKey] = [decode(url.username), decode(url.password)];
  if (!regionForm.test(region) || Object.keys(others).length > 0 || !accessKeyId || !secretAccessKey) return undefined;
  const place = new URL(`${url.origin}${url.pathname.replace(/\/$/, "")}/`);
  return { url: place, region, accessKeyId, secretAccessKey };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

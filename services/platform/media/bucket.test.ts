import test from "ava";
import { ConfigError, readConfig } from "../config.ts";
import { parseBucket } from "./bucket.ts";

test("MEDIA_URL says where a bucket is, and who may use it", (t) => {
  const { mediaBucket } = readConfig({
    MEDIA_URL: "s3+https://AKIA:a%2Fb%2B%3D@s3.example.com/pictures?region=eu-west-3",
  });
  t.deepEqual(mediaBucket, {
    url: new URL("https://s3.example.com/pictures/"),
    region: "eu-west-3",
    accessKeyId: "AKIA",
    secretAccessKey: "a/b+=",
  });
  t.is(readConfig({}).mediaBucket, undefined);
});

test("a bucket may be without TLS, on a port, with a place in it, and in the usual region", (t) => {
  const bucket = parseBucket("s3+http://key:secret@localhost:9000/pictures/giftmesh/");
  t.like(bucket, { url: new URL("http://localhost:9000/pictures/giftmesh/"), region: "us-east-1" });
});

for (const [what, url] of [
  ["no URL", "pictures"],
  ["another protocol", "https://key:hunter2@host/bucket"],
  ["no bucket", "s3+https://key:hunter2@host"],
  ["no key", "s3+https://host/bucket"],
  ["no secret", "s3+https://key@host/bucket"],
  ["a secret that is not encoded", "s3+https://key:a/b@host/bucket"],
  ["a secret that is encoded wrongly", "s3+https://key:%zz@host/bucket"],
  ["a way out of the bucket", "s3+https://key:hunter2@host/bucket/../other/%2e%2e/x y"],
  ["an option that there is not", "s3+https://key:hunter2@host/bucket?acl=public"],
  ["a region that is none", "s3+https://key:hunter2@host/bucket?region=a/b"],
  ["a fragment", "s3+https://key:hunter2@host/bucket#a"],
] as const) {
  test(`a MEDIA_URL with ${what} stops the start with one line that does not show it`, (t) => {
    const error = t.throws(() => readConfig({ MEDIA_URL: url }), { instanceOf: ConfigError });
    t.regex(error.message, /^MEDIA_URL: must be s3\+https:\/\/[^\n]+$/);
    t.false(error.message.includes("hunter2"));
  });
}

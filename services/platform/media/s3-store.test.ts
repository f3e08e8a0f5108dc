import test from "ava";
import { parseBucket } from "./bucket.ts";
import { S3Store } from "./s3-store.ts";
import { S3StandIn, signatureOf, standInKey } from "./testing/s3-stand-in.ts";

const picture = { bytes: new Uint8Array([1, 2, 3, 250]), contentType: "image/webp" };
const key = "gift-card-backgrounds/17/a-b_c.webp";

async function startStore(path?: string, credentials?: { readonly id: string; readonly secret: string }) {
  const s3 = await S3StandIn.start();
  const bucket = parseBucket(s3.mediaUrl(path, credentials));
  if (!bucket) throw new Error("No bucket");
  return { s3, store: new S3Store(bucket) };
}

const [read, write] = [
  {
    method: "GET",
    path: "/test.txt",
    headers: {
      host: "examplebucket.s3.amazonaws.com",
      range: "bytes=0-9",
      "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "x-amz-date": "20130524T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
  },
  {
    method: "PUT",
    path: "/test%24file.text",
    headers: {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      host: "examplebucket.s3.amazonaws.com",
      "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      "x-amz-date": "20130524T000000Z",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    },
  },
];

test("the stand-in finds the signatures of Amazon's own examples", (t) => {
  for (const request of [read, write]) {
    t.is(signatureOf(request, standInKey.secret), request.headers.authorization.slice(-64), request.method);
  }
});

test("a file is put, read and removed, and none is where there is none", async (t) => {
  const { s3, store } = await startStore();
  t.is(await store.get(key), undefined);
  await store.put(key, picture);
  t.deepEqual(s3.objects.get(`/pictures/${key}`), { bytes: Buffer.from(picture.bytes), contentType: "image/webp" });
  t.deepEqual(await store.get(key), picture.bytes);
  await store.put(key, { ...picture, bytes: new Uint8Array() });
  t.deepEqual(await store.get(key), new Uint8Array());
  await store.remove(key);
  await store.remove(key);
  t.is(await store.get(key), undefined);
  t.is(s3.objects.size, 0);
  await s3.stop();
});

test("a bucket may be shared: keys begin where the URL ends", async (t) => {
  const { s3, store } = await startStore("/pictures/giftmesh/");
  await store.put(key, picture);
  t.deepEqual([...s3.objects.keys()], [`/pictures/giftmesh/${key}`]);
  await s3.stop();
});

test("a store that fails for a moment is asked again, and one that goes on failing is told of", async (t) => {
  const { s3, store } = await startStore();
  s3.failures.push({ status: 503 }, { status: 500 });
  await store.put(key, picture);
  t.is(s3.requests.length, 3);
  s3.failures.push({ status: 503 }, { status: 500 }, { status: 503 });
  await t.throwsAsync(store.put(key, picture), { message: `The bucket answers PUT ${key} with 503 SlowDown` });
  t.is(s3.requests.length, 6);
  await s3.stop();
});

for (const [what, credentials, code] of [
  ["a wrong secret", { ...standInKey, secret: "wrong/+=%" }, "SignatureDoesNotMatch"],
  ["a key that is not known", { ...standInKey, id: "AKIAWRONG" }, "InvalidAccessKeyId"],
] as const) {
  test(`with ${what} nothing can be done, and what is told of it has no secret`, async (t) => {
    const { s3, store } = await startStore("/pictures", credentials);
    for (const act of [store.put(key, picture), store.get(key), store.remove(key)]) {
      const error = await t.throwsAsync(act, { message: new RegExp(`403 ${code}$`) });
      t.false(error?.stack?.includes(credentials.secret));
    }
    t.is(s3.objects.size, 0);
    await s3.stop();
  });
}

test("a store that sends the request elsewhere is not followed", async (t) => {
  const { s3, store } = await startStore();
  s3.failures.push({ status: 307, headers: { location: "http://127.0.0.1:1/stolen" } });
  await t.throwsAsync(store.get(key), { instanceOf: TypeError });
  await s3.stop();
});

test("a store that does not answer is waited for 5 seconds", async (t) => {
  const { s3, store } = await startStore();
  s3.isSilent = true;
  const before = Date.now();
  await t.throwsAsync(store.get(key), { name: "TimeoutError" });
  t.true(Date.now() - before < 8_000);
  await s3.stop();
});

import test from "ava";
import { type SendOptions, send, startEchoEdge } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

const forGood = "public, max-age=31536000, immutable";
const call = (verb: string, path: string, options: SendOptions = {}) => send(edge.url, verb, path, options);

test("bytes are the body itself, of their own media type, and nothing else is to be made of them", async (t) => {
  const response = await call("GET", "/pictures/a");
  t.is(response.status, 200);
  t.is(response.headers.get("content-type"), "image/test");
  t.is(response.headers.get("x-content-type-options"), "nosniff");
  t.regex(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  t.is(await response.text(), "\0picture a");
});

test("what may be kept says for how long, and has a tag of its own", async (t) => {
  const [a, again, b] = [
    await call("GET", "/pictures/a"),
    await call("GET", "/pictures/a"),
    await call("GET", "/pictures/b"),
  ];
  t.is(a.headers.get("cache-control"), forGood);
  t.regex(a.headers.get("etag") ?? "", /^"[\w-]{27}"$/);
  t.is(again.headers.get("etag"), a.headers.get("etag"));
  t.not(b.headers.get("etag"), a.headers.get("etag"));
});

for (const [what, of] of [
  ["its tag", (tag: string) => tag],
  ["its tag, said to be weak", (tag: string) => `W/${tag}`],
  ["several tags", (tag: string) => `"other", ${tag}`],
  ["any tag", () => "*"],
] as const) {
  test(`a client that has an answer by ${what} is told so and no more`, async (t) => {
    for (const path of ["/pictures/a", "/news?about=cards"]) {
      const first = await call("GET", path);
      const headers = { "if-none-match": of(first.headers.get("etag") ?? "") };
      for (const verb of ["GET", "HEAD"]) {
        const response = await call(verb, path, { headers });
        t.is(response.status, 304);
        t.is(response.headers.get("etag"), first.headers.get("etag"));
        t.is(response.headers.get("cache-control"), first.headers.get("cache-control"));
        t.is(response.headers.get("content-type"), null);
        t.is(await response.text(), "");
      }
    }
  });
}

test("a client that has another answer is sent this one", async (t) => {
  for (const tag of ['"other"', 'W/"other"', "", "nonsense"]) {
    const response = await call("GET", "/pictures/a", { headers: { "if-none-match": tag } });
    t.is(response.status, 200, tag);
  }
});

test("a HEAD of bytes has the headers of the GET, and no body", async (t) => {
  const [head, get] = [await call("HEAD", "/pictures/a"), await call("GET", "/pictures/a")];
  t.is(head.status, 200);
  for (const name of ["content-type", "content-length", "etag", "cache-control"]) {
    t.is(head.headers.get(name), get.headers.get(name), name);
  }
  t.is(head.headers.get("content-length"), "10");
  t.is(await head.text(), "");
});

test("an attachment is saved by its name, with the method's status, and kept by nobody", async (t) => {
  const response = await call("POST", "/downloads", { token: "user-17" });
  t.is(response.status, 201);
  t.is(response.headers.get("content-disposition"), 'attachment; filename="codes.csv"');
  t.is(response.headers.get("content-type"), "text/csv; charset=utf-8");
  t.is(response.headers.get("cache-control"), "no-store");
  t.is(response.headers.get("etag"), null);
  t.is(await response.text(), "code\r\n");
});

test("a list that may be kept is in the envelope all the same", async (t) => {
  const response = await call("GET", "/news?about=cards");
  t.is(response.headers.get("cache-control"), "public, max-age=60");
  t.is(response.headers.get("content-type"), "application/json; charset=utf-8");
  t.deepEqual(await response.json(), { success: true, message: "Success", data: ["News of cards"] });
});

test("a refusal in place of bytes is JSON as ever, and not kept", async (t) => {
  for (const [path, status] of [
    ["/pictures/none", 404],
    ["/pictures/a/b", 404],
  ] as const) {
    const response = await call("GET", path, { headers: { "if-none-match": "*" } });
    t.is(response.status, status);
    t.is(response.headers.get("cache-control"), "no-store");
    t.is(response.headers.get("etag"), null);
    t.like(await response.json(), { success: false });
  }
  t.is((await call("POST", "/downloads")).status, 401);
});

test("by Connect, bytes are a message like any other", async (t) => {
  const response = await call("POST", "/echo.v1.EchoService/GetPicture", { body: { name: "a" } });
  t.is(response.status, 200);
  t.deepEqual(await response.json(), {
    contentType: "image/test",
    data: Buffer.from("\0picture a").toString("base64"),
  });
});

test("ten pictures count as one request", async (t) => {
  const few = await startEchoEdge({ ratePerMinute: { admin: 1, user: 1, vendor: 1, anonymous: 2 } });
  try {
    t.is((await send(few.url, "GET", "/news")).status, 200);
    for (let i = 0; i < 10; i++) t.is((await send(few.url, "GET", "/pictures/a")).status, 200);
    t.is((await send(few.url, "GET", "/pictures/a")).status, 429);
    t.is((await send(few.url, "GET", "/news")).status, 429);
  } finally {
    await few.stop();
  }
});
